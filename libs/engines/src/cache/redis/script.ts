import { createHash } from "node:crypto";
import type { Redis } from "ioredis";

/** A Lua script, sent by its hash; Redis is told the text when it does not know it (any more). */
export class Script {
  readonly #sha: string;

  constructor(private readonly text: string) {
    this.#sha = createHash("sha1").update(text).digest("hex");
  }

  async run(redis: Redis, keys: readonly string[], args: readonly (string | number)[]): Promise<unknown> {
    try {
      return await redis.evalsha(this.#sha, keys.length, ...keys, ...args);
    } catch (error) {
      if (!(error instanceof Error) || !error.message.startsWith("NOSCRIPT")) throw error;
      return await redis.eval(this.text, keys.length, ...keys, ...args);
    }
  }
}
