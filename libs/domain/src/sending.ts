import type { Cache } from "@dunlin/engines/cache";
import type { ProduceRecord, Queue } from "@dunlin/engines/queue";
import type { SendKey, SentMessage } from "@dunlin/engines/store";
import { AppError, type Clock, toAppError } from "@dunlin/runtime";
import type { Access, SlowMode } from "./access.js";
import { Batcher } from "./batcher.js";
import { Breaker } from "./breaker.js";
import { canonicalHash } from "./canonical-json.js";
import { commandRecord, produceCommands } from "./commands.js";
import { SLOW_MODE_TOLERANCE_MS } from "./group-rules.js";
import type { RequestStore } from "./guarded-store.js";
import { conversationIdOf, type Snowflakes } from "./ids.js";
import { type MessagePayload, type PushPreferences, payloadText } from "./payload.js";
import type { Relations } from "./relations.js";

/** How long the cache remembers an accepted client_msg_id, ms: longer than ingest is ever behind; then the store knows. */
const REMEMBER_MS = 10 * 60_000;
const CACHE_TIMEOUT_MS = 1_000;

/** A message somebody wants to send; every field's form has been checked. */
export interface SendInput {
  readonly from: string;
  /** The device it comes from: it gets no push. */
  readonly deviceId: string;
  /** A user or a group. */
  readonly to: string;
  readonly clientMsgId: string;
  readonly payload: MessagePayload;
  readonly mentions?: readonly string[] | undefined;
  readonly replyTo?: string | undefined;
  readonly push?: PushPreferences | undefined;
  /** For logs. */
  readonly requestId: string;
}

/** Durable in the queue. */
export interface AcceptedMessage {
  readonly id: string;
  readonly conversationId: string;
  /** ms since 1970 */
  readonly createdAt: number;
}

export interface SendingDeps {
  readonly store: Pick<RequestStore, "messages">;
  readonly cache: Pick<Cache, "reserve" | "delete">;
  readonly queue: Pick<Queue, "produce">;
  readonly access: Access;
  readonly relations: Relations;
  readonly ids: Pick<Snowflakes, "next">;
  readonly clock: Clock;
}

/** A checked message: what to answer, and the record to produce (none when the store has it already). */
interface Prepared {
  readonly accepted: AcceptedMessage;
  readonly record: ProduceRecord | undefined;
}

/** Accepts messages: checks, gives the id, makes them durable in the queue. One place for apisvc and syssvc. */
export class Sending {
  readonly #cacheBreaker: Breaker;
  readonly #sent: Batcher<SendKey, SentMessage | undefined>;

  constructor(private readonly deps: SendingDeps) {
    this.#cacheBreaker = new Breaker({ name: "the cache", timeoutMs: CACHE_TIMEOUT_MS, failures: 3, openMs: 1_000, clock: deps.clock });
    this.#sent = new Batcher({
      load: async (keys) => {
        const found = new Map<string, SentMessage>();
        for (const row of await deps.store.messages.sent(keys)) found.set(`${row.senderId} ${row.clientMsgId}`, row);
        return keys.map((key) => found.get(`${key.senderId} ${key.clientMsgId}`));
      },
      maxBatch: 500,
      maxRunning: 2,
      maxWaiting: 20_000,
    });
  }

  /**
   * Resolves when the message is durable. The same client_msg_id with the same body answers the same id.
   * @throws AppError BAD_REQUEST, PEER_NOT_FOUND, NOT_A_MEMBER, MUTED, GROUP_MUTED, SLOW_MODE, GROUP_DISSOLVED, PEER_REFUSES,
   *   PAYLOAD_TOO_LARGE, CLIENT_MSG_ID_REUSED, QUEUE_FULL, UNAVAILABLE
   */
  async accept(input: SendInput): Promise<AcceptedMessage> {
    const { accepted, record } = await this.#prepare(input);
    if (record) await produceCommands(this.deps.queue, [record]);
    return accepted;
  }

  /** Accepts many, each with its own outcome, in one write to the queue. The order of the inputs is kept. */
  async acceptMany(inputs: readonly SendInput[]): Promise<(AcceptedMessage | AppError)[]> {
    const prepared = await Promise.all(inputs.map((input) => this.#prepare(input).catch(toAppError)));
    const toProduce: ProduceRecord[] = [];
    for (const one of prepared) if (!(one instanceof AppError) && one.record) toProduce.push(one.record);
    let failure: AppError | undefined;
    if (toProduce.length > 0) {
      failure = await produceCommands(this.deps.queue, toProduce).then(
        () => undefined,
        (error: unknown) => toAppError(error),
      );
    }
    return prepared.map((one) => (one instanceof AppError ? one : one.record && failure ? failure : one.accepted));
  }

  async #prepare(input: SendInput): Promise<Prepared> {
    const { access, relations, clock, ids } = this.deps;
    const { from, to, clientMsgId } = input;
    const payload = payloadText(input.payload);
    if (from === to) throw new AppError("BAD_REQUEST", "one cannot send to oneself", { details: { field: "to" } });
    // Given before anything is waited for, so that a sender's messages keep their order in a batch.
    const fresh = { id: ids.next(), createdAt: clock.now() };
    const checking = access.checkSend(from, to);
    const slowMode = checking === undefined ? undefined : await checking;
    if (slowMode !== undefined) await this.#takeTurn({ senderId: from, clientMsgId }, to, slowMode, fresh.createdAt);
    const asking = relations.checkMessage(from, to);
    if (asking !== undefined) await asking;
    const push = input.push === undefined ? undefined : JSON.stringify(input.push);
    const hash = canonicalHash([to, input.payload, input.mentions ?? [], input.replyTo, input.push]);
    const given = await this.#dedupe({ senderId: from, clientMsgId }, hash, fresh);
    const { id, createdAt } = given;
    const conversationId = conversationIdOf(from, to);
    const accepted = { id, conversationId, createdAt };
    if (given.stored) return { accepted, record: undefined };
    const record = commandRecord(conversationId, {
      commandId: id,
      requestId: input.requestId,
      acceptedAt: fresh.createdAt,
      body: {
        $case: "send",
        value: {
          id,
          conversationId,
          senderId: from,
          to,
          clientMsgId,
          payload,
          createdAt,
          mentions: [...(input.mentions ?? [])],
          replyTo: input.replyTo,
          push,
          bodyHash: hash,
          deviceId: input.deviceId,
        },
      },
    });
    return { accepted, record };
  }

  /**
   * Slow mode: one message a pause, however many processes take them. The same message again is not another one. Ingest
   * checks by what is stored; this answers early, and says when to come back.
   * @throws AppError SLOW_MODE
   */
  async #takeTurn(key: SendKey, to: string, { pauseMs, lastSentAt }: SlowMode, at: number): Promise<void> {
    const { cache } = this.deps;
    const turn = `turn:${to}:${key.senderId}`;
    const mine = JSON.stringify({ client_msg_id: key.clientMsgId, at });
    const before = await this.#cacheBreaker.run(() => cache.reserve(turn, mine, pauseMs)).catch(() => "");
    const taken = before ? (JSON.parse(before) as { client_msg_id: string; at: number }) : undefined;
    if (taken?.client_msg_id === key.clientMsgId) return;
    const since = taken?.at ?? lastSentAt;
    // Other clocks may have given the times; and the pause may have been longer when the turn was taken.
    if (at - since >= pauseMs - SLOW_MODE_TOLERANCE_MS) return;
    // What is stored is answered as before.
    if (await this.#sent.get(key).catch(() => undefined)) return;
    // The cache had forgotten the turn before this one: it is not taken by what is refused.
    if (before === undefined) await this.#cacheBreaker.run(() => cache.delete(turn)).catch(() => undefined);
    throw new AppError("SLOW_MODE", undefined, { retryAfterS: Math.max(1, Math.ceil((since + pauseMs - at) / 1_000)) });
  }

  /**
   * The id this client_msg_id has: the fresh one, or the one given before. The cache covers what ingest has not stored
   * yet, the store everything else and has the last word. Without either, ingest still drops a second copy.
   */
  async #dedupe(
    key: SendKey,
    hash: Buffer,
    fresh: { id: string; createdAt: number },
  ): Promise<{ id: string; createdAt: number; stored: boolean }> {
    const cacheKey = `sent:${key.senderId}:${key.clientMsgId}`;
    const mine = JSON.stringify({ id: fresh.id, hash: hash.toString("base64"), created_at: fresh.createdAt });
    const [before, sent] = await Promise.all([
      this.#cacheBreaker.run(() => this.deps.cache.reserve(cacheKey, mine, REMEMBER_MS)).catch(() => undefined),
      this.#sent.get(key).catch(() => undefined),
    ]);
    if (sent) {
      if (sent.bodyHash !== hash.toString("hex")) throw new AppError("CLIENT_MSG_ID_REUSED");
      return { id: sent.id, createdAt: sent.createdAt, stored: true };
    }
    if (before === undefined) return { ...fresh, stored: false };
    const reserved = JSON.parse(before) as { id: string; hash: string; created_at: number };
    if (reserved.hash !== hash.toString("base64")) throw new AppError("CLIENT_MSG_ID_REUSED");
    return { id: reserved.id, createdAt: reserved.created_at, stored: false };
  }
}
