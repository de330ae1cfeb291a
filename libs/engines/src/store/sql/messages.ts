import type { MessageRow, Messages } from "../port/index.js";
import type { SqlContext } from "./context.js";
import { distinctKeys, messageIdKeys } from "./keys.js";
import { messageColumns, messageOf, sentColumns, sentOf } from "./rows.js";
import { type Selection, type SqlValue, withSession } from "./session.js";

/** Looks up sends; also used inside the ingest transaction. */
export const sentSelection: Selection = { table: "messages", columns: sentColumns, key: ["sender_id", "client_msg_id"], quick: true };

export const createMessages = ({ reads, readDb }: SqlContext): Messages => {
  const find = async (key: readonly string[], keys: readonly (readonly SqlValue[])[]): Promise<MessageRow[]> => {
    const rows = await withSession(reads, (session) => session.select({ table: "messages", columns: messageColumns, key }, keys));
    return rows.map(messageOf);
  };
  return {
    get: (ids) => find(["id"], messageIdKeys(ids)),

    at: (places) => find(["conversation_id", "seq"], distinctKeys(places.map((place) => [place.conversationId, place.seq]))),

    async sent(keys) {
      const distinct = distinctKeys(keys.map((key) => [key.senderId, key.clientMsgId]));
      const rows = await withSession(reads, (session) => session.select(sentSelection, distinct));
      return rows.map(sentOf);
    },

    async history({ conversationId, beforeSeq, afterSeq, limit, viewer }) {
      const upwards = afterSeq !== undefined;
      let query = readDb.selectFrom("messages as m").select(messageColumns).where("conversation_id", "=", conversationId);
      if (beforeSeq !== undefined) query = query.where("seq", "<", beforeSeq);
      if (afterSeq !== undefined) query = query.where("seq", ">", afterSeq);
      if (viewer !== undefined) {
        query = query.where(({ not, exists, selectFrom, lit }) =>
          not(
            exists(
              selectFrom("hidden_messages as h")
                .select(lit(1).as("one"))
                .where("h.user_id", "=", viewer)
                .whereRef("h.conversation_id", "=", "m.conversation_id")
                .whereRef("h.seq", "=", "m.seq"),
            ),
          ),
        );
      }
      const rows = await query
        .orderBy("seq", upwards ? "asc" : "desc")
        .limit(limit)
        .execute();
      const messages = rows.map(messageOf);
      return upwards ? messages : messages.reverse();
    },
  };
};
