import { AppError } from "@dunlin/runtime";
import { hash, verify } from "@node-rs/argon2";

/**
 * argon2id with the parameters of the OWASP Password Storage Cheat Sheet (19 MiB, 2 passes, 1 lane). A hash carries its
 * own parameters, so raising these leaves older hashes good.
 */
export const PASSWORD_PARAMETERS = { algorithm: 2, memoryCost: 19_456, timeCost: 2, parallelism: 1, outputLen: 32 } as const;

/** At a time: each takes 19 MiB and a thread of libuv's pool for some 20 ms, and that pool has four. */
const RUNNING_MAX = 2;
const WAITING_MAX = 256;

/** Hashes and checks passwords: a few at a time, a bounded number waiting. */
export class Passwords {
  #running = 0;
  readonly #waiting: (() => void)[] = [];
  #decoy: Promise<string> | undefined;

  /** @throws AppError UNAVAILABLE when too many wait. */
  hash(password: string): Promise<string> {
    return this.#limited(() => hash(password, PASSWORD_PARAMETERS));
  }

  /**
   * Whether the password fits. Without a hash (no such account) it takes just as long and answers false, so that time
   * does not tell which accounts exist.
   * @throws AppError UNAVAILABLE when too many wait.
   */
  async verify(passwordHash: string | undefined, password: string): Promise<boolean> {
    this.#decoy ??= hash("no account has this", PASSWORD_PARAMETERS);
    const against = passwordHash ?? (await this.#decoy);
    const fits = await this.#limited(() => verify(against, password));
    return fits && passwordHash !== undefined;
  }

  async #limited<T>(work: () => Promise<T>): Promise<T> {
    if (this.#running >= RUNNING_MAX) {
      if (this.#waiting.length >= WAITING_MAX) throw new AppError("UNAVAILABLE", "too many logins at once", { retryAfterS: 2 });
      // Whoever finishes hands its place on without giving it up in between.
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    } else this.#running += 1;
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next) next();
      else this.#running -= 1;
    }
  }
}
