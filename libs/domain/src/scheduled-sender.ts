import type { Queue } from "@dunlin/engines/queue";
import type { ClaimedMessage, Scheduled } from "@dunlin/engines/store";
import { AppError, type Clock } from "@dunlin/runtime";
import { commandRecord, produceCommands } from "./commands.js";
import { type Snowflakes, systemConversationOf } from "./ids.js";
import { readBody, scheduledClientMsgId } from "./scheduled-view.js";
import type { SendInput, Sending } from "./sending.js";

/** A try that is heard no more of is repeated after this time, doubled with every further one up to the maximum, ms. */
const PAUSE_MS = 5_000;
const PAUSE_MAX_MS = 60_000;
/** After so many tries (about a day) an error of the kind that may pass is taken for one that does not. */
const ATTEMPTS_MAX = 1_440;

export const pauseMs = (attempts: number): number => Math.min(PAUSE_MAX_MS, PAUSE_MS * 2 ** Math.min(attempts, 10));

export interface ScheduledSenderDeps {
  readonly store: { readonly scheduled: Pick<Scheduled, "claim" | "nextDue"> };
  readonly sending: Pick<Sending, "acceptMany">;
  readonly queue: Pick<Queue, "produce">;
  readonly ids: Pick<Snowflakes, "next">;
  readonly clock: Pick<Clock, "now">;
}

/** What a round came to. */
export interface SentRound {
  /** Handed to the queue as messages. */
  readonly accepted: number;
  readonly refused: number;
  /** Tried again later. */
  readonly postponed: readonly { readonly row: ClaimedMessage; readonly error: AppError }[];
}

const inputOf = (row: ClaimedMessage): SendInput => {
  const { to, payload, mentions, reply_to, push, forwarded_from } = readBody(row);
  return {
    from: row.userId,
    // None of the user's devices sends it now.
    deviceId: "",
    to,
    clientMsgId: scheduledClientMsgId(row),
    payload,
    mentions,
    replyTo: reply_to,
    push,
    forwardOf: forwarded_from?.message_id,
    scheduled: { id: row.id, version: row.version },
    requestId: `scheduled-${row.id}`,
  };
};

/**
 * Sends scheduled messages whose time has come, on the way that every message takes. Any number of processes may do so at
 * once, die at any moment and repeat: a claim keeps them from doing the same work, and ingest stores a message only while
 * its schedule is open in the version that was sent, marking it as sent in the same transaction.
 */
export class ScheduledSender {
  constructor(private readonly deps: ScheduledSenderDeps) {}

  /** When the next one is due, ms since 1970; undefined when none is. @throws AppError UNAVAILABLE */
  nextDue(): Promise<number | undefined> {
    return this.deps.store.scheduled.nextDue();
  }

  /**
   * Sends at most `limit` of those that are due; each succeeds or fails by itself.
   * @throws AppError UNAVAILABLE when they cannot be claimed, or refusals cannot be told: then they are tried again
   */
  async sendDue(limit: number): Promise<SentRound> {
    const { store, sending, clock } = this.deps;
    const rows = await store.scheduled.claim(clock.now(), limit, pauseMs);
    if (rows.length === 0) return { accepted: 0, refused: 0, postponed: [] };
    const outcomes = await sending.acceptMany(rows.map(inputOf));
    const postponed: { row: ClaimedMessage; error: AppError }[] = [];
    const refused: { row: ClaimedMessage; error: AppError }[] = [];
    for (const [i, row] of rows.entries()) {
      const error = outcomes[i];
      if (!(error instanceof AppError)) continue;
      (error.retryable && row.attempts < ATTEMPTS_MAX ? postponed : refused).push({ row, error });
    }
    await this.#fail(refused);
    return { accepted: rows.length - refused.length - postponed.length, refused: refused.length, postponed };
  }

  async #fail(refused: readonly { row: ClaimedMessage; error: AppError }[]): Promise<void> {
    if (refused.length === 0) return;
    const { queue, ids, clock } = this.deps;
    const records = refused.map(({ row: { userId, id, version }, error }) =>
      commandRecord(systemConversationOf(userId), {
        commandId: ids.next(),
        requestId: `scheduled-${id}`,
        acceptedAt: clock.now(),
        body: { $case: "failScheduled", value: { userId, id, version, code: error.info.code } },
      }),
    );
    await produceCommands(queue, records);
  }
}
