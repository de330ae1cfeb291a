import type { Conversations } from "../port/index.js";
import type { SqlContext } from "./context.js";
import { distinctKeys } from "./keys.js";
import { conversationColumns, conversationOf, memberColumns, memberOf, membersOf } from "./rows.js";
import { withSession } from "./session.js";

export const createConversations = ({ reads }: SqlContext): Conversations => ({
  async get(ids) {
    const keys = distinctKeys(ids.map((id) => [id]));
    const rows = await withSession(reads, (session) =>
      session.select({ table: "conversations", columns: conversationColumns, key: ["id"] }, keys),
    );
    return rows.map(conversationOf);
  },

  async members(conversationId) {
    const rows = await withSession(reads, (session) =>
      session.select({ table: "members", columns: memberColumns, key: ["conversation_id"] }, [[conversationId]]),
    );
    return membersOf(rows);
  },

  async memberships(userId, conversationIds) {
    const keys = distinctKeys(conversationIds.map((id) => [id, userId]));
    const rows = await withSession(reads, (session) =>
      session.select({ table: "members", columns: memberColumns, key: ["conversation_id", "user_id"] }, keys),
    );
    return rows.map(memberOf);
  },
});
