import { type Access, canonicalHash, commandRecord, notifyKey, produceCommands, SYSTEM_SENDER, systemConversationOf } from "@dunlin/domain";
import type { ProduceRecord } from "@dunlin/engines/queue";
import { errors } from "@dunlin/proto";
import { AppError, toAppError } from "@dunlin/runtime";
import type { SysContext } from "./context.js";

/** How long the cache remembers an accepted notification, ms: longer than ingest is ever behind; then the store knows. */
const REMEMBER_MS = 10 * 60_000;
/** Commands in one write to the queue: with the longest payloads some megabytes. */
const PRODUCE_AT_ONCE = 200;

export interface NotificationResult {
  readonly userId: string;
  /** The message id; "" when it was not accepted. */
  readonly id: string;
  /** 0 accepted, else a code of the error table. */
  readonly code: number;
}

interface Prepared {
  readonly id: string;
  /** None when the store has it already. */
  readonly record: ProduceRecord | undefined;
}

/** Accepts system notifications (S2C): a message in each user's own system conversation. */
export class Notifications {
  constructor(
    private readonly deps: Pick<SysContext, "cache" | "store" | "queue" | "snowflakes" | "clock">,
    private readonly access: Access,
  ) {}

  /**
   * Notifies each user once for a `clientMsgId`, however often it is called. Resolves when the queue holds them.
   * @param payload JSON text, checked.
   */
  async send(userIds: readonly string[], clientMsgId: string, payload: string, requestId: string): Promise<NotificationResult[]> {
    const missing = new Set(await this.access.missingUsers(userIds));
    const there = userIds.filter((userId) => !missing.has(userId));
    const prepared = await this.#prepare(there, clientMsgId, payload, requestId);
    const failed = await this.#produce(there, prepared);
    return userIds.map((userId) => {
      const one = failed.get(userId) ?? prepared.get(userId) ?? new AppError("PEER_NOT_FOUND");
      return one instanceof AppError ? { userId, id: "", code: one.info.code } : { userId, id: one.id, code: errors.OK.code };
    });
  }

  async #prepare(
    userIds: readonly string[],
    clientMsgId: string,
    payload: string,
    requestId: string,
  ): Promise<Map<string, Prepared | AppError>> {
    const { cache, store, snowflakes, clock } = this.deps;
    const keys = userIds.map((userId) => ({ senderId: SYSTEM_SENDER, clientMsgId: notifyKey({ userId, clientMsgId }) }));
    // Without the store the cache still knows; without both, ingest drops a second copy.
    const stored = new Map((await store.messages.sent(keys).catch(() => [])).map((row) => [row.clientMsgId, row]));
    const one = async (userId: string): Promise<Prepared | AppError> => {
      const hash = canonicalHash([userId, payload]);
      const key = notifyKey({ userId, clientMsgId });
      const sent = stored.get(key);
      if (sent) return sent.bodyHash === hash.toString("hex") ? { id: sent.id, record: undefined } : new AppError("CLIENT_MSG_ID_REUSED");
      const fresh = { id: snowflakes.next(), hash: hash.toString("base64"), created_at: clock.now() };
      const before = await cache.reserve(`sent:${SYSTEM_SENDER}:${key}`, JSON.stringify(fresh), REMEMBER_MS).catch(() => undefined);
      const given = before === undefined ? fresh : (JSON.parse(before) as typeof fresh);
      if (given.hash !== fresh.hash) return new AppError("CLIENT_MSG_ID_REUSED");
      const conversationId = systemConversationOf(userId);
      const { id, created_at: createdAt } = given;
      const record = commandRecord(conversationId, {
        commandId: id,
        requestId,
        acceptedAt: fresh.created_at,
        body: { $case: "notify", value: { id, conversationId, userId, clientMsgId, payload, createdAt, bodyHash: hash } },
      });
      return { id, record };
    };
    return new Map(await Promise.all(userIds.map(async (userId) => [userId, await one(userId).catch(toAppError)] as const)));
  }

  /** @returns the users whose command the queue did not take, with why. */
  async #produce(userIds: readonly string[], prepared: ReadonlyMap<string, Prepared | AppError>): Promise<Map<string, AppError>> {
    const failed = new Map<string, AppError>();
    const waiting = userIds.flatMap((userId) => {
      const one = prepared.get(userId);
      return one === undefined || one instanceof AppError || one.record === undefined ? [] : [{ userId, record: one.record }];
    });
    for (let i = 0; i < waiting.length; i += PRODUCE_AT_ONCE) {
      const part = waiting.slice(i, i + PRODUCE_AT_ONCE);
      try {
        await produceCommands(
          this.deps.queue,
          part.map(({ record }) => record),
        );
      } catch (error) {
        // What could not be written now can hardly be a moment later: the caller tries the rest again.
        for (const { userId } of waiting.slice(i)) failed.set(userId, toAppError(error));
        break;
      }
    }
    return failed;
  }
}
