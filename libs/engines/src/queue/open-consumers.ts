import { AppError } from "@dunlin/runtime";
import type { Consumer } from "./port.js";

/** The consumers a queue has handed out: they are closed before it is. */
export class OpenConsumers {
  readonly #open = new Set<Consumer>();
  #closed = false;

  /** Keeps a consumer until it is closed. @throws AppError UNAVAILABLE when the queue was closed meanwhile; the consumer is closed too then */
  async add(consumer: Consumer): Promise<Consumer> {
    if (this.#closed) {
      await consumer.close();
      throw closedQueue();
    }
    const kept: Consumer = {
      close: async () => {
        await consumer.close();
        this.#open.delete(kept);
      },
    };
    this.#open.add(kept);
    return kept;
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#open].map((consumer) => consumer.close()));
  }
}

export const closedQueue = (): AppError =>
  new AppError("UNAVAILABLE", undefined, { cause: new Error("the queue is closed"), retryAfterS: 1 });
