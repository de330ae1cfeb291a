import { AppError } from "@dunlin/runtime";
import type { Messages, SupergroupEntry, Supergroups } from "../port/index.js";
import type { SqlContext } from "./context.js";
import { distinctKeys } from "./keys.js";
import { memberColumns, memberOf, messageColumns, messageOf, numberOf, textOf } from "./rows.js";
import { withSession } from "./session.js";

export const createSupergroups = ({ reads, readDb }: SqlContext, messagesAt: Messages["at"]): Supergroups => {
  const heads = async (ids: readonly string[]): Promise<Map<string, number>> => {
    const keys = distinctKeys(ids.map((id) => [id]));
    const rows = await withSession(reads, (session) =>
      session.select({ table: "conversations", columns: ["id", "kind", "last_seq"], key: ["id"] }, keys),
    );
    return new Map(rows.filter((row) => textOf(row.kind) === "supergroup").map((row) => [textOf(row.id), numberOf(row.last_seq)] as const));
  };

  return {
    heads,

    async log(id, seq, limit) {
      // First how far it reaches: everything up to there is committed and found by the reads after it.
      const head = (await heads([id])).get(id);
      if (head === undefined) throw new AppError("NOT_FOUND");
      const upTo = Math.min(head, seq + limit);
      if (upTo <= seq) return { entries: [], seq: head };
      const [messages, updates] = await Promise.all([
        readDb
          .selectFrom("messages")
          .select(messageColumns)
          .where("conversation_id", "=", id)
          .where("seq", ">", seq)
          .where("seq", "<=", upTo)
          .execute(),
        readDb
          .selectFrom("supergroup_updates")
          .select(["seq", "type", "body", "message_seq"])
          .where("conversation_id", "=", id)
          .where("seq", ">", seq)
          .where("seq", "<=", upTo)
          .execute(),
      ]);
      const shown = updates.flatMap((row) => (row.message_seq === null ? [] : [{ conversationId: id, seq: numberOf(row.message_seq) }]));
      const shownAt = new Map((shown.length > 0 ? await messagesAt(shown) : []).map((message) => [message.seq, message]));
      const entries: SupergroupEntry[] = [
        ...messages.map(messageOf).map((message) => ({ seq: message.seq, message })),
        ...updates.map((row) => {
          const shows = row.message_seq === null ? undefined : shownAt.get(numberOf(row.message_seq));
          return { seq: numberOf(row.seq), message: null, type: textOf(row.type), body: textOf(row.body), ...(shows && { shows }) };
        }),
      ];
      return { entries: entries.sort((a, b) => a.seq - b.seq), seq: head };
    },

    async ofUsers(userIds, limit) {
      const found = new Map<string, string[]>();
      if (userIds.length === 0) return found;
      const rows = await readDb
        .selectFrom("members")
        .select(["user_id", "conversation_id"])
        .where("user_id", "in", [...new Set(userIds)])
        // Supergroups begin with "C", and nothing else does.
        .where("conversation_id", ">=", "C")
        .where("conversation_id", "<", "D")
        .orderBy("user_id")
        .orderBy("conversation_id")
        .execute();
      for (const row of rows) {
        const userId = textOf(row.user_id);
        const list = found.get(userId);
        if (list === undefined) found.set(userId, [textOf(row.conversation_id)]);
        else if (list.length < limit) list.push(textOf(row.conversation_id));
      }
      return found;
    },

    async members(id, after, limit) {
      const rows = await readDb
        .selectFrom("members")
        .select(memberColumns)
        .where("conversation_id", "=", id)
        .where("user_id", ">", after)
        .orderBy("user_id")
        .limit(limit)
        .execute();
      return rows.map(memberOf);
    },

    async membersAt(keys) {
      const distinct = distinctKeys(keys.map((key) => [key.conversationId, key.userId]));
      const rows = await withSession(reads, (session) =>
        session.select({ table: "members", columns: memberColumns, key: ["conversation_id", "user_id"] }, distinct),
      );
      return rows.map(memberOf);
    },

    async readCount(id, seq, senderId) {
      const read = readDb
        .selectFrom("supergroup_reads")
        .where("conversation_id", "=", id)
        .where("read_seq", ">=", seq)
        // Who joined later has a read position behind it without having read it.
        .where("joined_seq", "<", seq);
      const count = (query: typeof read) => query.select((eb) => eb.fn.countAll().as("count")).executeTakeFirst();
      const [all, own] = await Promise.all([count(read), count(read.where("user_id", "=", senderId))]);
      return numberOf(all?.count ?? 0) - numberOf(own?.count ?? 0);
    },
  };
};
