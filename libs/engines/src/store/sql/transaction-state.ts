import type { AppError } from "@dunlin/runtime";
import { toAppError } from "@dunlin/runtime";

/**
 * Where a session's transaction stands. After a statement that failed nothing else runs in it and it cannot commit: an engine
 * may have rolled it back already, and then the next statement would be committed on its own.
 */
export class TransactionState {
  #active = false;
  #failure: AppError | undefined;

  get active(): boolean {
    return this.#active;
  }

  begun(): void {
    this.#active = true;
    this.#failure = undefined;
  }

  ended(): void {
    this.#active = false;
    this.#failure = undefined;
  }

  /** Runs a statement, unless one before it in the transaction failed: then rejects as that did. */
  async guard<T>(statement: () => Promise<T>): Promise<T> {
    if (this.#failure) throw this.#failure;
    try {
      return await statement();
    } catch (error) {
      if (this.#active) this.#failure ??= toAppError(error);
      throw error;
    }
  }
}
