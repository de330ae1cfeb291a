import { randomBytes } from "node:crypto";
import { mkdir, open, readFile } from "node:fs/promises";
import { join } from "node:path";
import { ConfigError } from "@dunlin/runtime";

const MIN_BYTES = 32;
/** Keys that stand in documentation or are guessed first. */
const KNOWN = /^(.)\1*$|change-?me|secret|password|example|dunlin|0123456789|abcdefgh/i;

/**
 * The key that signs tokens: the one configured, checked; on embedded engines without one, a generated one kept in the
 * data folder (mode 600).
 * @throws ConfigError when a cluster has no key, or the key is short or a known one.
 */
export const signingKey = async (configured: string | undefined, embedded: boolean, dataDir: string): Promise<Uint8Array> => {
  if (configured !== undefined) {
    if (Buffer.byteLength(configured) < MIN_BYTES || KNOWN.test(configured)) {
      throw new ConfigError([
        `IM_AUTH_KEY: the value given is too short or a known one; it takes at least ${MIN_BYTES} random bytes, e.g. from: openssl rand -base64 48`,
      ]);
    }
    return Buffer.from(configured);
  }
  if (!embedded) {
    throw new ConfigError([
      "IM_AUTH_KEY: unset is not allowed on real engines; all processes need the same key, e.g. from: openssl rand -base64 48",
    ]);
  }
  await mkdir(dataDir, { recursive: true });
  const path = join(dataDir, "auth.key");
  try {
    const file = await open(path, "wx", 0o600);
    await file.writeFile(randomBytes(48).toString("base64"));
    await file.sync();
    await file.close();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
  return readFile(path);
};
