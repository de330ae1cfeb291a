import type { Dnd } from "../port/index.js";
import type { SqlContext } from "./context.js";
import { nullableText, numberOf, textOf } from "./rows.js";
import { type Insertion, withSession } from "./session.js";

const columns = ["user_id", "snooze_until", "schedule", "allow_mentions"] as const;

export const insertDnd: Insertion = {
  table: "dnd",
  columns,
  key: ["user_id"],
  existing: { snooze_until: "set", schedule: "set", allow_mentions: "set" },
};

export const createDnd = ({ reads }: SqlContext): Dnd => ({
  async get(userId) {
    const [row] = await withSession(reads, (session) => session.select({ table: "dnd", columns, key: ["user_id"] }, [[userId]]));
    return (
      row && {
        userId: textOf(row.user_id),
        snoozeUntil: numberOf(row.snooze_until),
        schedule: nullableText(row.schedule),
        allowMentions: numberOf(row.allow_mentions) === 1,
      }
    );
  },
});
