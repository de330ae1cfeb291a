import type { PresenceStore } from "../port/index.js";
import type { SqlContext } from "./context.js";
import { distinctKeys } from "./keys.js";
import { numberOf, textOf } from "./rows.js";
import { withSession } from "./session.js";

export const createPresence = ({ reads }: SqlContext): PresenceStore => ({
  async lastUsed(userIds) {
    const keys = distinctKeys(userIds.map((id) => [id]));
    const selection = { table: "sessions", columns: ["user_id", "last_used_at"], key: ["user_id"] };
    const rows = await withSession(reads, (session) => session.select(selection, keys));
    const used = new Map<string, number>();
    for (const row of rows) {
      const userId = textOf(row.user_id);
      used.set(userId, Math.max(used.get(userId) ?? 0, numberOf(row.last_used_at)));
    }
    return used;
  },
});
