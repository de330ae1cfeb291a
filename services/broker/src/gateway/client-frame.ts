/** What a client may say. Anything else is a protocol violation. */
export type ClientFrame =
  | { readonly type: "ACK"; readonly pts: number }
  | { readonly type: "PRESENCE"; readonly status: "active" | "away" }
  | { readonly type: "PING" };

const ACK_PREFIX = Buffer.from('{"type":"ACK","pts":');
const ZERO = 48;
const NINE = 57;
const BRACE = 125;
/** Digits that always fit a safe integer. */
const MAX_DIGITS = 15;

/** The pts of an ACK written as every client of ours writes it; -1 for any other text. Saves the JSON parser on the busiest frame. */
const plainAck = (bytes: Uint8Array): number => {
  const start = ACK_PREFIX.length;
  const end = bytes.length - 1;
  if (end <= start || end - start > MAX_DIGITS || bytes[end] !== BRACE) return -1;
  for (let i = 0; i < start; i++) if (bytes[i] !== ACK_PREFIX[i]) return -1;
  if (bytes[start] === ZERO && end - start > 1) return -1;
  let pts = 0;
  for (let i = start; i < end; i++) {
    const byte = bytes[i] as number;
    if (byte < ZERO || byte > NINE) return -1;
    pts = pts * 10 + (byte - ZERO);
  }
  return pts;
};

/** Reads a text frame; undefined when it is none of the three. The bytes are not kept. */
export const parseClientFrame = (bytes: Uint8Array): ClientFrame | undefined => {
  const pts = plainAck(bytes);
  if (pts >= 0) return { type: "ACK", pts };
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("utf8"));
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  const frame = value as Record<string, unknown>;
  const fields = Object.keys(frame).length;
  switch (frame.type) {
    case "ACK":
      return fields === 2 && Number.isSafeInteger(frame.pts) && (frame.pts as number) >= 0
        ? { type: "ACK", pts: frame.pts as number }
        : undefined;
    case "PRESENCE":
      return fields === 2 && (frame.status === "active" || frame.status === "away")
        ? { type: "PRESENCE", status: frame.status }
        : undefined;
    case "PING":
      return fields === 1 ? { type: "PING" } : undefined;
    default:
      return undefined;
  }
};
