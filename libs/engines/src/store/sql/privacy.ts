import type { Privacy, PrivacyRow } from "../port/index.js";
import type { SqlContext } from "./context.js";
import { distinctKeys } from "./keys.js";
import { numberOf, textOf } from "./rows.js";
import { type Insertion, type Row, type Selection, type Session, withSession } from "./session.js";

const privacyColumns = ["user_id", "messages_from", "added_by", "last_seen_by", "found_by_account"] as const;

const privacySelection: Selection = { table: "privacy", columns: privacyColumns, key: ["user_id"], quick: true };

export const insertPrivacy: Insertion = {
  table: "privacy",
  columns: privacyColumns,
  key: ["user_id"],
  existing: { messages_from: "set", added_by: "set", last_seen_by: "set", found_by_account: "set" },
};

const privacyOf = (row: Row): PrivacyRow => ({
  userId: textOf(row.user_id),
  messages: textOf(row.messages_from) as PrivacyRow["messages"],
  groups: textOf(row.added_by) as PrivacyRow["groups"],
  lastSeen: textOf(row.last_seen_by) as PrivacyRow["lastSeen"],
  findByAccount: numberOf(row.found_by_account) === 1,
});

export const privacyOn = async (session: Session, userIds: readonly string[]): Promise<PrivacyRow[]> =>
  (await session.select(privacySelection, distinctKeys(userIds.map((id) => [id])))).map(privacyOf);

export const createPrivacy = ({ reads }: SqlContext): Privacy => ({
  get: (userIds) => withSession(reads, (session) => privacyOn(session, userIds)),
});
