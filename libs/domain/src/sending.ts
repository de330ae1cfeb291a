import type { Cache } from "@dunlin/engines/cache";
import type { ProduceRecord, Queue } from "@dunlin/engines/queue";
import type { SendKey, SentMessage } from "@dunlin/engines/store";
import { AppError, type Clock, toAppError } from "@dunlin/runtime";
import type { Access, SlowMode } from "./access.js";
import { Batcher } from "./batcher.js";
import { Breaker } from "./breaker.js";
import { canonicalHash, canonicalJson } from "./canonical-json.js";
import { commandRecord, produceCommands } from "./commands.js";
import { fileIdsOf, useFiles } from "./files/index.js";
import { SLOW_MODE_TOLERANCE_MS } from "./group-rules.js";
import type { RequestStore } from "./guarded-store.js";
import { conversationIdOf, isGroupId, isSupergroupId, type Snowflakes, snowflakeTime } from "./ids.js";
import { MENTION_ALL } from "./ingest/messages.js";
import { type MessagePayload, type PushPreferences, payloadText } from "./payload.js";
import type { Relations } from "./relations.js";
import type { VisibleMessages } from "./visible-messages.js";

/** How long the cache remembers an accepted client_msg_id, ms: longer than ingest is ever behind; then the store knows. */
const REMEMBER_MS = 10 * 60_000;
const CACHE_TIMEOUT_MS = 1_000;
/** So long an accepted message may be unknown to the store when somebody answers it already, ms. */
const UNSTORED_MS = 60_000;

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
  /** The message that this one passes on: its payload is the same. */
  readonly forwardOf?: string | undefined;
  /** The sender's scheduled message whose time has come: stored while that is open in this version. */
  readonly scheduled?: { readonly id: string; readonly version: number } | undefined;
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
  readonly visible: VisibleMessages;
  readonly cache: Pick<Cache, "get" | "reserve" | "delete">;
  readonly store: Pick<RequestStore, "messages" | "files">;
  readonly queue: Pick<Queue, "produce">;
  readonly access: Access;
  readonly relations: Relations;
  readonly ids: Pick<Snowflakes, "next">;
  readonly clock: Clock;
}

/** What was found of the messages that another one is about. */
interface Content {
  /** JSON text, see `MessageRow.forwardedFrom`. */
  readonly forwardedFrom: string | undefined;
  /** Who has written the message that it answers, if that is stored. */
  readonly replyAuthor: string | undefined;
}

/** What was given to a client_msg_id. */
interface Given {
  readonly id: string;
  readonly createdAt: number;
  readonly stored: boolean;
}

/** As the cache keeps it. `origin`: of a forwarded message, which a repeat may not find any more. */
interface Reserved {
  readonly id: string;
  /** base64 */
  readonly hash: string;
  readonly created_at: number;
  readonly origin?: string;
}

const sentKey = (key: SendKey): string => `sent:${key.senderId}:${key.clientMsgId}`;

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
   *   FILE_NOT_FOUND, PAYLOAD_TOO_LARGE, CLIENT_MSG_ID_REUSED, MENTION_ALL_FORBIDDEN, MENTION_UNKNOWN, ORIGINAL_NOT_FOUND,
   *   REPLIED_NOT_FOUND, QUEUE_FULL, UNAVAILABLE
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
    const key = { senderId: from, clientMsgId };
    const checking = access.checkSend(from, to);
    const slowMode = checking === undefined ? undefined : await checking;
    let forwardedFrom: string | undefined;
    let replyAuthor: string | undefined;
    let again: Reserved | SentMessage | undefined;
    if (namesOthers(input, payload)) {
      try {
        ({ forwardedFrom, replyAuthor } = await this.#checkContent(input, payload));
      } catch (refusal) {
        // What it is about may have changed since it was accepted: that is no reason to answer a repeat differently.
        again = await this.#before(key, bodyHash(input), refusal);
        forwardedFrom = "origin" in again ? again.origin : undefined;
      }
    }
    if (slowMode !== undefined) await this.#takeTurn(key, to, slowMode, fresh.createdAt);
    const asking = relations.checkMessage(from, to);
    if (asking !== undefined) await asking;
    const push = input.push === undefined ? undefined : JSON.stringify(input.push);
    const hash = bodyHash(input);
    const given = again === undefined ? await this.#dedupe(key, hash, fresh, forwardedFrom) : givenBefore(again);
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
          forwardedFrom,
          scheduled: input.scheduled,
          replyAuthor: isSupergroupId(to) ? replyAuthor : undefined,
        },
      },
    });
    return { accepted, record };
  }

  /**
   * That what a message names is there for its sender: whom it mentions, what it passes on, its files, what it answers.
   * @throws AppError
   */
  async #checkContent(input: SendInput, payload: string): Promise<Content> {
    const { from, to, mentions = [], replyTo, forwardOf } = input;
    if (mentions.length > 0) await checkMentions(this.deps.access, from, to, mentions);
    const forwardedFrom = forwardOf === undefined ? undefined : await this.#origin(from, forwardOf, input.payload);
    const files = useFiles(this.deps.store, this.deps.clock, from, payload);
    if (files !== undefined) await files;
    const replyAuthor = replyTo === undefined ? undefined : await this.#replyAuthor(from, to, replyTo);
    return { forwardedFrom, replyAuthor };
  }

  /**
   * That a reply answers a message that the sender can see in the same conversation. One that may not be stored yet, and
   * any while the store is away, is left to ingest, which has the last word.
   * @returns who has written it, if it is stored. @throws AppError REPLIED_NOT_FOUND
   */
  async #replyAuthor(from: string, to: string, replyTo: string): Promise<string | undefined> {
    const { visible, clock } = this.deps;
    try {
      const seen = await visible.inConversation(from, to, replyTo);
      if (seen) return seen.from;
      if (seen === undefined && snowflakeTime(replyTo) > clock.now() - UNSTORED_MS) return undefined;
    } catch (error) {
      if (error instanceof AppError && error.code === "UNAVAILABLE") return undefined;
      throw error;
    }
    throw new AppError("REPLIED_NOT_FOUND", undefined, { details: { field: "reply_to" } });
  }

  /** What this client_msg_id was given when the same body was accepted before. @throws what it was refused with now, when it was not */
  async #before(key: SendKey, hash: Buffer, refusal: unknown): Promise<Reserved | SentMessage> {
    if (!(refusal instanceof AppError) || refusal.code === "UNAVAILABLE") throw refusal;
    const [text, sent] = await Promise.all([
      this.#cacheBreaker.run(() => this.deps.cache.get(sentKey(key))).catch(() => undefined),
      this.#sent.get(key).catch(() => undefined),
    ]);
    if (sent?.bodyHash === hash.toString("hex")) return sent;
    const reserved = text === undefined ? undefined : (JSON.parse(text) as Reserved);
    if (sent || reserved?.hash !== hash.toString("base64")) throw refusal;
    return reserved;
  }

  /** Where a forwarded message comes from at first, as JSON text. @throws AppError ORIGINAL_NOT_FOUND, BAD_REQUEST */
  async #origin(userId: string, id: string, payload: MessagePayload): Promise<string> {
    const { message } = await this.deps.visible.get(userId, id).catch((error: unknown) => {
      throw error instanceof AppError && error.code === "NOT_FOUND" ? new AppError("ORIGINAL_NOT_FOUND") : error;
    });
    if (message.recalledAt !== null) throw new AppError("ORIGINAL_NOT_FOUND");
    // Nobody is made to have said what they did not say.
    if (canonicalJson(JSON.parse(message.payload)) !== canonicalJson(payload)) {
      throw new AppError("BAD_REQUEST", "a forwarded message keeps its payload", { details: { field: "payload" } });
    }
    return message.forwardedFrom ?? JSON.stringify({ message_id: message.id, user_id: message.from });
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
  async #dedupe(key: SendKey, hash: Buffer, fresh: { id: string; createdAt: number }, origin: string | undefined): Promise<Given> {
    const mine: Reserved = {
      id: fresh.id,
      hash: hash.toString("base64"),
      created_at: fresh.createdAt,
      ...(origin === undefined ? {} : { origin }),
    };
    const [before, sent] = await Promise.all([
      this.#cacheBreaker.run(() => this.deps.cache.reserve(sentKey(key), JSON.stringify(mine), REMEMBER_MS)).catch(() => undefined),
      this.#sent.get(key).catch(() => undefined),
    ]);
    if (sent) {
      if (sent.bodyHash !== hash.toString("hex")) throw new AppError("CLIENT_MSG_ID_REUSED");
      return givenBefore(sent);
    }
    if (before === undefined) return { ...fresh, stored: false };
    const reserved = JSON.parse(before) as Reserved;
    if (reserved.hash !== mine.hash) throw new AppError("CLIENT_MSG_ID_REUSED");
    return givenBefore(reserved);
  }
}

const givenBefore = (before: Reserved | SentMessage): Given =>
  "hash" in before
    ? { id: before.id, createdAt: before.created_at, stored: false }
    : { id: before.id, createdAt: before.createdAt, stored: true };

/** What makes two messages under one client_msg_id the same. */
const bodyHash = ({ to, payload, mentions, replyTo, push, forwardOf }: SendInput): Buffer => {
  const body = [to, payload, mentions ?? [], replyTo, push];
  return canonicalHash(forwardOf === undefined ? body : [...body, forwardOf]);
};

/** Whether a message is about anything beside its receiver; most are not. */
const namesOthers = ({ mentions, forwardOf, replyTo }: SendInput, payload: string): boolean =>
  (mentions !== undefined && mentions.length > 0) || forwardOf !== undefined || replyTo !== undefined || fileIdsOf(payload).length > 0;

/** @throws AppError MENTION_UNKNOWN naming who is not in the conversation, MENTION_ALL_FORBIDDEN, UNAVAILABLE */
const checkMentions = async (access: Access, from: string, to: string, mentions: readonly string[]): Promise<void> => {
  const people = mentions.filter((userId) => userId !== MENTION_ALL);
  let unknown: string[];
  if (isGroupId(to) || isSupergroupId(to)) {
    if (people.length < mentions.length && !(await access.may("mentionAll", from, to))) throw new AppError("MENTION_ALL_FORBIDDEN");
    unknown = people.length > 0 ? await access.outsiders(to, people) : [];
  } else unknown = people.filter((userId) => userId !== from && userId !== to);
  if (unknown.length > 0) throw new AppError("MENTION_UNKNOWN", undefined, { details: { user_ids: unknown } });
};
