/** The form of short texts that people, clients and app servers choose; the same at every edge. */
export const textRules = {
  /** Small and capital letters are the same: stored small. */
  account: { pattern: /^[A-Za-z0-9][A-Za-z0-9._@+-]{1,63}$/, says: "2 to 64 letters, digits, . _ @ + -, beginning with a letter or digit" },
  deviceId: { pattern: /^[\w.:-]{1,64}$/, says: "1 to 64 letters, digits, _ . : -" },
  platform: { pattern: /^[a-z0-9_-]{1,16}$/, says: "1 to 16 small letters, digits, _ -" },
  clientMsgId: { pattern: /^[\x21-\x7e]{1,64}$/, says: "1 to 64 printable ASCII characters" },
  sessionId: { pattern: /^[\w-]{1,64}$/, says: "1 to 64 letters, digits, _ -" },
} as const;

/** Passwords have this many characters. */
export const PASSWORD_LENGTH = { min: 8, max: 128 } as const;
