import type { IngestChanges, MessageRow, SearchState } from "../port/index.js";
import type { SqlContext } from "./context.js";
import { messageIdKeys } from "./keys.js";
import { messageColumns, messageOf, numberOf, textOf } from "./rows.js";
import type { Insertion, Session, WriteStep } from "./session.js";

/** Notes of one turn at most: each may name as many messages as an ingest transaction takes. */
const NOTES = 64;

const insertNote: Insertion = { table: "search_notes", columns: ["noted_at", "message_ids"], key: ["no"], existing: "fail" };

/** One row for all that an ingest transaction stores and changes: the index is not this transaction's to wait for. */
export const searchSteps = (changes: IngestChanges): WriteStep[] => [
  {
    insert: insertNote,
    rows: () => {
      const noted = new Set<string>();
      let notedAt = 0;
      for (const message of [...changes.messages, ...(changes.annotations?.messages ?? [])]) {
        if (message.type === "S2C") continue;
        noted.add(message.id);
        notedAt = Math.max(notedAt, message.serverTs, message.editedAt ?? 0, message.recalledAt ?? 0);
      }
      return noted.size > 0 ? [[notedAt, [...noted].join()]] : [];
    },
  },
];

export interface SearchNotes {
  readonly numbers: readonly number[];
  readonly messageIds: readonly string[];
}

/** The oldest notes: so many that they name about `limit` messages. */
export const searchNotes = async (session: Session, limit: number): Promise<SearchNotes> => {
  const { rows } = await session.run("select no, message_ids from search_notes order by no limit ?", [NOTES]);
  const numbers: number[] = [];
  const messageIds = new Set<string>();
  for (const row of rows) {
    if (messageIds.size >= limit) break;
    numbers.push(numberOf(row.no));
    for (const id of textOf(row.message_ids).split(",")) messageIds.add(id);
  }
  return { numbers, messageIds: [...messageIds] };
};

export const removeNotes = (numbers: readonly number[]): WriteStep => ({
  remove: { table: "search_notes", key: ["no"] },
  keys: () => numbers.map((no) => [no]),
});

export const messagesOf = async (session: Session, ids: readonly string[]): Promise<MessageRow[]> =>
  (await session.select({ table: "messages", columns: messageColumns, key: ["id"] }, messageIdKeys(ids))).map(messageOf);

/** Messages by id behind one. */
export const messagesBehind = async (session: Session, id: bigint, limit: number): Promise<MessageRow[]> => {
  const { rows } = await session.run(`select ${messageColumns.join(", ")} from messages where id > ? order by id limit ?`, [id, limit]);
  return rows.map(messageOf);
};

export const notesState = async ({ readDb }: SqlContext): Promise<Omit<SearchState, "filling">> => {
  const row = await readDb
    .selectFrom("search_notes")
    .select((eb) => [eb.fn.countAll().as("waiting"), eb.fn.min("noted_at").as("oldest_at")])
    .executeTakeFirst();
  const oldestAt = row?.oldest_at;
  return { waiting: numberOf(row?.waiting ?? 0), oldestAt: oldestAt === null || oldestAt === undefined ? undefined : numberOf(oldestAt) };
};
