import type { Queue } from "@dunlin/engines/queue";
import type { queue as records } from "@dunlin/proto";
import { AppError, type Clock } from "@dunlin/runtime";
import { commandRecord, produceCommands } from "./commands.js";
import type { Snowflakes } from "./ids.js";
import type { PendingResults } from "./pending-results.js";

/** How long a caller waits for ingest to apply its change, ms. */
export const OUTCOME_TIMEOUT_MS = 5_000;

export interface CommandOutcomesDeps {
  readonly queue: Pick<Queue, "produce">;
  readonly results: PendingResults;
  readonly ids: Pick<Snowflakes, "next">;
  readonly clock: Pick<Clock, "now">;
}

/** Makes a change durable and waits for it to be applied. */
export class CommandOutcomes {
  constructor(private readonly deps: CommandOutcomesDeps) {}

  /**
   * `applied`, or `accepted` when ingest took longer than five seconds: the change is durable and will be applied.
   * @throws AppError with the code that ingest refused it with; QUEUE_FULL, UNAVAILABLE
   */
  async run(conversationId: string, requestId: string, body: NonNullable<records.Command["body"]>): Promise<"applied" | "accepted"> {
    const { queue, results, ids, clock } = this.deps;
    const commandId = ids.next();
    const record = commandRecord(conversationId, { commandId, requestId, acceptedAt: clock.now(), replySlot: results.slot, body });
    const code = await results.outcome(commandId, OUTCOME_TIMEOUT_MS, () => produceCommands(queue, [record]));
    if (code === undefined) return "accepted";
    if (code !== "OK") throw new AppError(code);
    return "applied";
  }
}
