import { hash } from "node:crypto";
import type { ScheduledRow } from "@dunlin/engines/store";
import { AppError, type Clock } from "@dunlin/runtime";
import type { Access } from "./access.js";
import { canonicalHash } from "./canonical-json.js";
import type { CommandOutcomes } from "./command-outcomes.js";
import { useFiles } from "./files/index.js";
import type { Outcome } from "./groups.js";
import type { RequestStore } from "./guarded-store.js";
import { systemConversationOf } from "./ids.js";
import type { CommandBody } from "./ingest/rule.js";
import { type MessagePayload, payloadText } from "./payload.js";
import { readBody, type ScheduledBody } from "./scheduled-view.js";

/** How far ahead a message may be scheduled, ms. */
export const SCHEDULE_AHEAD_MS = 366 * 86_400_000;

export interface ScheduledMessagesDeps {
  readonly store: Pick<RequestStore, "scheduled" | "files" | "messages">;
  readonly access: Access;
  readonly outcomes: CommandOutcomes;
  readonly clock: Pick<Clock, "now">;
}

/** A scheduled message as it is after a change, and whether the change is in effect. */
export interface ScheduledOutcome {
  readonly row: ScheduledRow;
  readonly outcome: Outcome;
}

/** The same for the same client_msg_id of a user, so that creating one twice makes one. */
const idOf = (userId: string, clientMsgId: string): string => hash("sha256", `${userId} ${clientMsgId}`, "hex").slice(0, 32);

/** Accepts messages to be sent later, and changes of them. Whether each may be sent is found out when its time comes. */
export class ScheduledMessages {
  constructor(private readonly deps: ScheduledMessagesDeps) {}

  /**
   * The same client_msg_id with the same content answers what has become of it.
   * @param sendAt ms since 1970
   * @throws AppError BAD_REQUEST, SEND_AT_WRONG, PEER_NOT_FOUND, NOT_A_MEMBER, FILE_NOT_FOUND, PAYLOAD_TOO_LARGE,
   *   CLIENT_MSG_ID_REUSED, LIST_FULL, NOT_FOUND (no such user any more), QUEUE_FULL, UNAVAILABLE
   */
  async create(userId: string, clientMsgId: string, body: ScheduledBody, sendAt: number, requestId: string): Promise<ScheduledOutcome> {
    const { store, access, clock } = this.deps;
    if (userId === body.to) throw new AppError("BAD_REQUEST", "one cannot send to oneself", { details: { field: "to" } });
    const payload = payloadText(body.payload);
    const id = idOf(userId, clientMsgId);
    const bodyHash = canonicalHash([body, sendAt]).toString("hex");
    const before = await store.scheduled.get({ userId, id });
    if (before) {
      if (before.bodyHash !== bodyHash) throw new AppError("CLIENT_MSG_ID_REUSED");
      return { row: before, outcome: "applied" };
    }
    this.#checkTime(sendAt);
    await access.check(userId, body.to);
    await useFiles(store, clock, userId, payload, sendAt);
    const now = clock.now();
    const value = { userId, id, clientMsgId, body: JSON.stringify(body), bodyHash, sendAt, createdAt: now };
    const expected = { ...value, state: "open", version: 1, updatedAt: now, messageId: null, code: 0 } as const;
    return this.#run(expected, requestId, { $case: "schedule", value });
  }

  /** @throws AppError NOT_FOUND, the same for one of another user; UNAVAILABLE */
  async get(userId: string, id: string): Promise<ScheduledRow> {
    const row = await this.deps.store.scheduled.get({ userId, id });
    if (!row) throw new AppError("NOT_FOUND");
    return row;
  }

  /**
   * What is not given stays as it is.
   * @throws AppError NOT_FOUND, BAD_REQUEST (the payload of a forwarded message), SEND_AT_WRONG, SCHEDULE_SETTLED,
   *   FILE_NOT_FOUND, PAYLOAD_TOO_LARGE, QUEUE_FULL, UNAVAILABLE
   */
  async change(
    userId: string,
    id: string,
    { payload, sendAt }: { payload: MessagePayload | undefined; sendAt: number | undefined },
    requestId: string,
  ): Promise<ScheduledOutcome> {
    const { store, clock } = this.deps;
    const row = await this.get(userId, id);
    const body = readBody(row);
    if (payload !== undefined && body.forwarded_from !== undefined) {
      throw new AppError("BAD_REQUEST", "a forwarded message keeps its payload", { details: { field: "payload" } });
    }
    if (sendAt !== undefined) this.#checkTime(sendAt);
    const text = payloadText(payload ?? body.payload);
    if (row.state === "open") await useFiles(store, clock, userId, text, sendAt ?? row.sendAt);
    const changed = { ...row, version: row.version + 1, body: JSON.stringify({ ...body, ...(payload && { payload }) }) };
    return this.#run({ ...changed, sendAt: sendAt ?? row.sendAt, updatedAt: clock.now() }, requestId, {
      $case: "changeScheduled",
      value: { userId, id, payload: payload && text, sendAt },
    });
  }

  /** Takes it back, or one that failed out of the list. @throws AppError NOT_FOUND, SCHEDULE_SETTLED (it was sent), QUEUE_FULL, UNAVAILABLE */
  async cancel(userId: string, id: string, requestId: string): Promise<ScheduledOutcome> {
    const row = await this.get(userId, id);
    return this.#run({ ...row, state: "cancelled", updatedAt: this.deps.clock.now() }, requestId, {
      $case: "cancelScheduled",
      value: { userId, id },
    });
  }

  #checkTime(sendAt: number): void {
    const now = this.deps.clock.now();
    if (sendAt > now && sendAt <= now + SCHEDULE_AHEAD_MS) return;
    throw new AppError("SEND_AT_WRONG", undefined, { details: { field: "send_at", max: now + SCHEDULE_AHEAD_MS } });
  }

  /** @param expected what it will be, for who does not wait until it is */
  async #run(expected: ScheduledRow, requestId: string, body: CommandBody): Promise<ScheduledOutcome> {
    const { store, outcomes } = this.deps;
    const outcome = await outcomes.run(systemConversationOf(expected.userId), requestId, body);
    const row = outcome === "applied" ? await store.scheduled.get(expected) : undefined;
    return { row: row ?? expected, outcome };
  }
}
