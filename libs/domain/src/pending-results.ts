import type { Cache, Subscription } from "@dunlin/engines/cache";
import { type ErrorCode, errorByNumber, queue as records, resultsChannel, SCHEMA_VERSION } from "@dunlin/proto";
import { AppError } from "@dunlin/runtime";

const PENDING_MAX = 10_000;

/** Waits for what commands came to: ingest publishes each asked-for result on the channel results.<slot>. */
export class PendingResults {
  readonly #pending = new Map<string, (code: ErrorCode | undefined) => void>();
  #subscription: Subscription | undefined;

  /** @param slot this process's slot: the reply_slot of its commands. */
  constructor(
    private readonly cache: Pick<Cache, "subscribe">,
    readonly slot: number,
  ) {}

  async start(): Promise<void> {
    this.#subscription = await this.cache.subscribe(resultsChannel(this.slot), (message) => this.#take(message));
  }

  /** Whoever waits gets undefined. Idempotent. */
  async close(): Promise<void> {
    for (const settle of this.#pending.values()) settle(undefined);
    await this.#subscription?.close();
    this.#subscription = undefined;
  }

  /**
   * Calls `produce` and waits for the result of the command it produces: its code (OK when applied), or undefined when
   * none came in time: the command is durable and will still be applied.
   * @throws AppError UNAVAILABLE when too many wait, else what `produce` throws.
   */
  async outcome(commandId: string, timeoutMs: number, produce: () => Promise<void>): Promise<ErrorCode | undefined> {
    if (this.#pending.size >= PENDING_MAX) throw new AppError("UNAVAILABLE", "too many changes wait", { retryAfterS: 1 });
    let settle: (code: ErrorCode | undefined) => void = () => undefined;
    // Listening before the command is produced: its result may be there before produce resolves.
    const result = new Promise<ErrorCode | undefined>((resolve) => {
      settle = resolve;
    });
    this.#pending.set(commandId, settle);
    let timer: NodeJS.Timeout | undefined;
    try {
      await produce();
      timer = setTimeout(() => settle(undefined), timeoutMs);
      return await result;
    } finally {
      clearTimeout(timer);
      this.#pending.delete(commandId);
    }
  }

  #take(message: Uint8Array): void {
    let result: records.CommandResult;
    try {
      result = records.CommandResult.decode(message);
    } catch {
      return;
    }
    if (result.version !== SCHEMA_VERSION) return;
    this.#pending.get(result.commandId)?.(errorByNumber(result.code) ?? "INTERNAL");
  }
}
