import type { AppError } from "@dunlin/runtime";
import { unavailable } from "../sql/errors.js";

interface Waiter {
  readonly grant: () => void;
  readonly refuse: (error: AppError) => void;
  readonly timer: NodeJS.Timeout;
}

/** A fair lock: first come, first served; so many may wait, each so long. */
export class Turns {
  readonly #waiters: Waiter[] = [];
  #taken = false;

  constructor(
    private readonly maxWaiting: number,
    private readonly maxWaitMs: number,
  ) {}

  /** Resolves when it is the caller's turn, who must call `done`. @throws AppError UNAVAILABLE */
  async take(): Promise<void> {
    if (!this.#taken) {
      this.#taken = true;
      return;
    }
    if (this.#waiters.length >= this.maxWaiting) throw unavailable("too many writes wait for the store");
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiters.splice(this.#waiters.indexOf(waiter), 1);
        reject(unavailable("the store is too slow"));
      }, this.maxWaitMs);
      const waiter: Waiter = { grant: resolve, refuse: reject, timer };
      this.#waiters.push(waiter);
    });
  }

  done(): void {
    const next = this.#waiters.shift();
    if (!next) {
      this.#taken = false;
      return;
    }
    clearTimeout(next.timer);
    next.grant();
  }

  /** Refuses everybody who waits. */
  refuseAll(error: AppError): void {
    for (const waiter of this.#waiters.splice(0)) {
      clearTimeout(waiter.timer);
      waiter.refuse(error);
    }
  }
}
