import type { ProduceRecord, Queue } from "@dunlin/engines/queue";
import { COMMANDS, queue as records, SCHEMA_VERSION } from "@dunlin/proto";
import { AppError, withTimeout } from "@dunlin/runtime";

/** The queue has this long to make a command durable, ms; then the outcome is unknown to the caller. */
const PRODUCE_TIMEOUT_MS = 10_000;

/** A command as a record of the topic `commands`, keyed by its conversation. */
export const commandRecord = (conversationId: string, command: Omit<records.Command, "version">): ProduceRecord => ({
  key: conversationId,
  value: records.Command.encode({ version: SCHEMA_VERSION, ...command }).finish(),
});

/** Resolves when the commands are durable. @throws AppError QUEUE_FULL, or UNAVAILABLE when the outcome is unknown. */
export const produceCommands = async (queue: Pick<Queue, "produce">, commands: readonly ProduceRecord[]): Promise<void> => {
  try {
    await withTimeout(queue.produce(COMMANDS, commands), PRODUCE_TIMEOUT_MS);
  } catch (cause) {
    if (cause instanceof AppError) throw cause;
    throw new AppError("UNAVAILABLE", "the queue did not answer in time", { cause, retryAfterS: 2 });
  }
};
