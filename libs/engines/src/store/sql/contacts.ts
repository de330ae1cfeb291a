import type { BlockRow, ContactRefusal, ContactRow, ContactState, Contacts } from "../port/index.js";
import type { SqlContext } from "./context.js";
import { distinctKeys } from "./keys.js";
import { numberOf, textOf } from "./rows.js";
import { type Insertion, type Row, type Selection, type Session, withSession } from "./session.js";

const contactColumns = ["user_id", "peer", "state", "remark", "message", "since"] as const;
const blockColumns = ["user_id", "peer", "since"] as const;

export const contactSelection: Selection = { table: "contacts", columns: contactColumns, key: ["user_id", "peer"] };
const relationSelection: Selection = { table: "conversations", columns: ["id", "relation"], key: ["id"], quick: true };

export const insertContacts: Insertion = {
  table: "contacts",
  columns: contactColumns,
  key: ["user_id", "peer"],
  existing: { state: "set", remark: "set", message: "set", since: "set" },
};
export const insertBlocks: Insertion = { table: "blocks", columns: blockColumns, key: ["user_id", "peer"], existing: { since: "set" } };

const refusalColumns = ["user_id", "peer", "refused_at"] as const;
const refusalSelection: Selection = { table: "contact_refusals", columns: refusalColumns, key: ["user_id", "peer"] };
export const insertRefusals: Insertion = {
  table: "contact_refusals",
  columns: refusalColumns,
  key: ["user_id", "peer"],
  existing: { refused_at: "set" },
};

export const refusalsOn = async (session: Session, pairs: readonly { userId: string; peer: string }[]): Promise<ContactRefusal[]> => {
  const rows = await session.select(refusalSelection, distinctKeys(pairs.map(({ userId, peer }) => [userId, peer])));
  return rows.map((row) => ({ userId: textOf(row.user_id), peer: textOf(row.peer), refusedAt: numberOf(row.refused_at) }));
};

export const contactOf = (row: Row): ContactRow => ({
  userId: textOf(row.user_id),
  peer: textOf(row.peer),
  state: textOf(row.state) as ContactState,
  remark: textOf(row.remark),
  message: textOf(row.message),
  since: numberOf(row.since),
});

const blockOf = (row: Row): BlockRow => ({ userId: textOf(row.user_id), peer: textOf(row.peer), since: numberOf(row.since) });

export const relationsOn = async (session: Session, conversationIds: readonly string[]): Promise<Map<string, number>> => {
  const rows = await session.select(relationSelection, distinctKeys(conversationIds.map((id) => [id])));
  return new Map(rows.map((row) => [textOf(row.id), numberOf(row.relation)]));
};

export const createContacts = ({ reads, readDb }: SqlContext): Contacts => ({
  async get(userId, peers) {
    const keys = distinctKeys(peers.map((peer) => [userId, peer]));
    return (await withSession(reads, (session) => session.select(contactSelection, keys))).map(contactOf);
  },

  async list(userId, state, after, limit) {
    const rows = await readDb
      .selectFrom("contacts")
      .select(contactColumns)
      .where("user_id", "=", userId)
      .where("state", "=", state)
      .where("peer", ">", after)
      .orderBy("peer")
      .limit(limit)
      .execute();
    return rows.map(contactOf);
  },

  async refusedAt(userId, peer) {
    const [refusal] = await withSession(reads, (session) => refusalsOn(session, [{ userId, peer }]));
    return refusal?.refusedAt;
  },

  async blocks(userId, after, limit) {
    const rows = await readDb
      .selectFrom("blocks")
      .select(blockColumns)
      .where("user_id", "=", userId)
      .where("peer", ">", after)
      .orderBy("peer")
      .limit(limit)
      .execute();
    return rows.map(blockOf);
  },

  relations: (conversationIds) => withSession(reads, (session) => relationsOn(session, conversationIds)),
});
