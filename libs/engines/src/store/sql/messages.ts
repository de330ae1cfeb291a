import { type ExpressionBuilder, sql } from "kysely";
import { MARK_ALL, type MessageRow, type Messages } from "../port/index.js";
import type { SqlContext } from "./context.js";
import { distinctKeys, messageIdKeys } from "./keys.js";
import { Origins } from "./origins.js";
import { messageColumns, messageOf, numberOf, sentColumns, sentOf } from "./rows.js";
import type { Tables } from "./schema.js";
import { type Selection, type SqlValue, withSession } from "./session.js";

/** Looks up sends; also used inside the ingest transaction. */
export const sentSelection: Selection = { table: "messages", columns: sentColumns, key: ["sender_id", "client_msg_id"], quick: true };

/** That a user has not deleted the message `m`. */
const shownTo = (eb: ExpressionBuilder<Tables & { m: Tables["messages"] }, "m">, viewer: string) =>
  eb.not(
    eb.exists(
      eb
        .selectFrom("hidden_messages as h")
        .select(eb.lit(1).as("one"))
        .where("h.user_id", "=", viewer)
        .whereRef("h.conversation_id", "=", "m.conversation_id")
        .whereRef("h.seq", "=", "m.seq"),
    ),
  );

/** Ids hold no quotes, so an id in quotes is found only where it is an element of the list. */
const mentioning = (userId: string) => sql<boolean>`(instr(mentions, ${JSON.stringify(userId)}) > 0 or instr(mentions, '"@all"') > 0)`;

export const createMessages = ({ reads, readDb }: SqlContext): Messages => {
  const find = async (key: readonly string[], keys: readonly (readonly SqlValue[])[]): Promise<MessageRow[]> => {
    const rows = await withSession(reads, (session) => session.select({ table: "messages", columns: messageColumns, key }, keys));
    return rows.map(messageOf);
  };
  const origins = new Origins(reads);

  /** Places (exclusive) between which to read, and for whom: without what that user has deleted. */
  interface Bounds {
    readonly viewer: string | undefined;
    readonly above: number | undefined;
    readonly below: number | undefined;
  }

  /** One conversation's rows within bounds, in the order of reading. */
  const read = async (conversationId: string, { viewer, above, below }: Bounds, upwards: boolean, limit: number): Promise<MessageRow[]> => {
    if (limit <= 0) return [];
    let query = readDb.selectFrom("messages as m").select(messageColumns).where("conversation_id", "=", conversationId);
    if (below !== undefined) query = query.where("seq", "<", below);
    if (above !== undefined) query = query.where("seq", ">", above);
    if (viewer !== undefined) {
      query = query.where((eb) => shownTo(eb, viewer));
    }
    const rows = await query
      .orderBy("seq", upwards ? "asc" : "desc")
      .limit(limit)
      .execute();
    return rows.map(messageOf);
  };

  const at: Messages["at"] = async (places) => {
    const origin = await origins.of([...new Set(places.map((place) => place.conversationId))]);
    // Under which conversation a place's row lies → where it is shown.
    const shownIn = new Map<string, string>();
    const keys = distinctKeys(
      places.map(({ conversationId, seq }) => {
        const from = origin.get(conversationId);
        if (from === undefined || seq > from.seq) return [conversationId, seq];
        shownIn.set(from.conversationId, conversationId);
        return [from.conversationId, seq];
      }),
    );
    const messages = await find(["conversation_id", "seq"], keys);
    return messages.map((message) => {
      const conversationId = shownIn.get(message.conversationId);
      return conversationId === undefined ? message : { ...message, conversationId };
    });
  };

  return {
    get: (ids) => find(["id"], messageIdKeys(ids)),

    at,

    async sent(keys) {
      const distinct = distinctKeys(keys.map((key) => [key.senderId, key.clientMsgId]));
      const rows = await withSession(reads, (session) => session.select(sentSelection, distinct));
      return rows.map(sentOf);
    },

    async history({ conversationId, beforeSeq, afterSeq, limit, viewer }) {
      const upwards = afterSeq !== undefined;
      const bounds = { viewer, above: afterSeq, below: beforeSeq };
      const origin = (await origins.of([conversationId])).get(conversationId);
      let messages: MessageRow[];
      if (origin === undefined) messages = await read(conversationId, bounds, upwards, limit);
      else {
        const older = async (count: number): Promise<MessageRow[]> => {
          const below = Math.min(beforeSeq ?? Number.MAX_SAFE_INTEGER, origin.seq + 1);
          const rows = await read(origin.conversationId, { ...bounds, below }, upwards, count);
          return rows.map((row) => ({ ...row, conversationId }));
        };
        const first = upwards ? await older(limit) : await read(conversationId, bounds, upwards, limit);
        const left = limit - first.length;
        messages = first.concat(upwards ? await read(conversationId, bounds, upwards, left) : await older(left));
      }
      return upwards ? messages : messages.reverse();
    },

    async mentions({ conversationId, userId, afterSeq, upToSeq, limit }) {
      if (conversationId.startsWith("C")) {
        const marks = await readDb
          .selectFrom("supergroup_marks as k")
          .select("seq")
          .distinct()
          .where("conversation_id", "=", conversationId)
          .where("mark", "in", [MARK_ALL, userId])
          .where("seq", ">", afterSeq)
          .where("seq", "<=", upToSeq)
          .where("sender_id", "<>", userId)
          .where(({ not, exists, selectFrom, lit }) =>
            not(
              exists(
                selectFrom("hidden_messages as h")
                  .select(lit(1).as("one"))
                  .where("h.user_id", "=", userId)
                  .whereRef("h.conversation_id", "=", "k.lies_in")
                  .whereRef("h.seq", "=", "k.seq"),
              ),
            ),
          )
          .orderBy("seq")
          .limit(limit)
          .execute();
        const messages = await at(marks.map((mark) => ({ conversationId, seq: numberOf(mark.seq) })));
        return messages.sort((a, b) => a.seq - b.seq);
      }
      const rows = await readDb
        .selectFrom("messages as m")
        .select(messageColumns)
        .where("conversation_id", "=", conversationId)
        .where("seq", ">", afterSeq)
        .where("seq", "<=", upToSeq)
        .where("sender_id", "<>", userId)
        .where("recalled_at", "is", null)
        .where(mentioning(userId))
        .where((eb) => shownTo(eb, userId))
        .orderBy("seq")
        .limit(limit)
        .execute();
      return rows.map(messageOf);
    },
  };
};
