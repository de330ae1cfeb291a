import { randomBytes } from "node:crypto";

const SANE = /^[A-Za-z0-9._-]{1,64}$/;

const prefix = randomBytes(6).toString("base64url");
let count = 0;

/** The caller's X-Request-Id when it is a plain short word, else a new one, unique to this process. */
export const requestIdOf = (header: string | string[] | undefined): string => {
  if (typeof header === "string" && SANE.test(header)) return header;
  count += 1;
  return `${prefix}-${count.toString(36)}`;
};
