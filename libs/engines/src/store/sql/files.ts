import { sql } from "kysely";
import type { AvatarRef, FileRef, FileRow, FileState, Files, IngestChanges } from "../port/index.js";
import type { SqlContext } from "./context.js";
import { retryAborted } from "./errors.js";
import { distinctKeys, sortRows } from "./keys.js";
import { numberOf, textOf } from "./rows.js";
import { type Insertion, type Row, type SqlValue, type WriteStep, withSession } from "./session.js";

const fileColumns = ["id", "owner_id", "name", "size", "type", "state", "created_at", "expires_at", "width", "height"] as const;

const fileOf = (row: Row): FileRow => ({
  id: textOf(row.id),
  ownerId: textOf(row.owner_id),
  name: textOf(row.name),
  size: numberOf(row.size),
  type: textOf(row.type),
  state: textOf(row.state) as FileState,
  createdAt: numberOf(row.created_at),
  expiresAt: row.expires_at === null ? null : numberOf(row.expires_at),
  width: numberOf(row.width),
  height: numberOf(row.height),
});

const insertFileRefs: Insertion = {
  table: "file_refs",
  columns: ["file_id", "message_id", "conversation_id", "seq"],
  key: ["file_id", "message_id"],
  existing: "ignore",
};

const insertAvatars: Insertion = { table: "avatars", columns: ["file_id", "holder"], key: ["file_id", "holder"], existing: "ignore" };

/** Written by ingest, with what shows the files. */
export const fileSteps = (changes: IngestChanges): WriteStep[] => {
  const remove = (table: string, key: readonly string[], keys: SqlValue[][]): WriteStep => ({
    remove: { table, key },
    keys: () => sortRows(keys, key.length),
  });
  const avatar = (ref: AvatarRef): SqlValue[] => [ref.fileId, ref.holder];
  const refs = changes.fileRefs.map((ref): SqlValue[] => [ref.fileId, BigInt(ref.messageId), ref.conversationId, ref.seq]);
  return [
    remove(
      "file_refs",
      ["file_id", "message_id"],
      changes.fileRefsRemoved.map((ref) => [ref.fileId, BigInt(ref.messageId)]),
    ),
    { insert: insertFileRefs, rows: () => sortRows(refs, 2) },
    remove("avatars", ["file_id", "holder"], changes.avatarsRemoved.map(avatar)),
    { insert: insertAvatars, rows: () => sortRows(changes.avatars.map(avatar), 2) },
    {
      change: { table: "files", columns: ["expires_at"], key: ["id"], atMost: "expires_at" },
      rows: () =>
        [...changes.filesFreed]
          .sort((a, b) => (a.fileId < b.fileId ? -1 : a.fileId > b.fileId ? 1 : 0))
          .map((freed) => [freed.expiresAt, freed.fileId, freed.heldUntil]),
    },
  ];
};

export const createFiles = ({ reads, readDb, writeDb }: SqlContext): Files => {
  const carried = (fileId: string) => sql<boolean>`(
    exists (select 1 from file_refs where file_refs.file_id = ${sql.ref(fileId)})
    or exists (select 1 from avatars where avatars.file_id = ${sql.ref(fileId)}))`;

  const used = async (ownerId: string): Promise<number> => {
    const { rows } = await sql<Row>`
      select coalesce(sum(size), 0) as used from files where owner_id = ${ownerId} and state <> 'going'`.execute(readDb);
    return numberOf(rows[0]?.used ?? 0);
  };

  return {
    async create(file, quota = Number.MAX_SAFE_INTEGER) {
      if (quota < Number.MAX_SAFE_INTEGER && (await used(file.ownerId)) + file.size > quota) return false;
      await writeDb
        .insertInto("files")
        .values({
          id: file.id,
          owner_id: file.ownerId,
          name: file.name,
          size: file.size,
          type: file.type,
          state: file.state,
          created_at: file.createdAt,
          expires_at: file.expiresAt,
          width: file.width,
          height: file.height,
        })
        .execute();
      // Others may have come at the same time: of them all, those go whose sum is too much. None is looked at before it is stored.
      if (quota === Number.MAX_SAFE_INTEGER || (await used(file.ownerId)) <= quota) return true;
      await writeDb.deleteFrom("files").where("id", "=", file.id).execute();
      return false;
    },

    used,

    async holders(fileId, limit) {
      const rows = await readDb
        .selectFrom("avatars")
        .select("holder")
        .where("file_id", "=", fileId)
        .orderBy("holder")
        .limit(limit)
        .execute();
      return rows.map((row) => textOf(row.holder));
    },

    async get(ids) {
      const keys = distinctKeys(ids.map((id) => [id]));
      const rows = await withSession(reads, (session) => session.select({ table: "files", columns: fileColumns, key: ["id"] }, keys));
      return rows.map(fileOf);
    },

    async ready(id, { width, height, expiresAt }) {
      const { numUpdatedRows } = await writeDb
        .updateTable("files")
        .set({ state: "ready", width, height, expires_at: expiresAt })
        .where("id", "=", id)
        .where("state", "=", "announced")
        .executeTakeFirstOrThrow();
      return numUpdatedRows === 1n;
    },

    async hold(ids, expiresAt) {
      if (ids.length === 0) return [];
      // One that a message carries already has no end that could be put off.
      await retryAborted(() =>
        writeDb
          .updateTable("files")
          .set({ expires_at: expiresAt })
          .where("id", "in", [...ids].sort())
          .where("state", "=", "ready")
          .where("expires_at", "<", expiresAt)
          .execute(),
      );
      const rows = await writeDb.selectFrom("files").select("id").where("id", "in", ids).where("state", "=", "ready").execute();
      return rows.map((row) => textOf(row.id));
    },

    async refs(fileId, userId, limit) {
      const { rows } = await sql<Row>`
        select r.message_id, r.conversation_id, r.seq from file_refs r
        left join conversations c on c.id = r.conversation_id
        left join members m on m.conversation_id = coalesce(c.successor_id, r.conversation_id) and m.user_id = ${userId}
        left join dialogs d on d.user_id = ${userId} and d.peer = case
          when r.conversation_id like 'U%' then replace(replace(r.conversation_id, ${userId}, ''), '_', '')
          else coalesce(c.successor_id, r.conversation_id) end
        where r.file_id = ${fileId}
        and (r.seq > m.joined_seq or instr(r.conversation_id, ${userId}) > 0)
        and (d.cleared_seq is null or r.seq > d.cleared_seq)
        and not exists (
          select 1 from hidden_messages h where h.user_id = ${userId} and h.conversation_id = r.conversation_id and h.seq = r.seq)
        order by r.message_id desc limit ${limit}`.execute(readDb);
      return rows.map(
        (row): FileRef => ({
          fileId,
          messageId: textOf(row.message_id),
          conversationId: textOf(row.conversation_id),
          seq: numberOf(row.seq),
        }),
      );
    },

    async expire(now, limit) {
      const due = await readDb
        .selectFrom("files")
        .select(["id", carried("files.id").as("carried")])
        .where("expires_at", "<", now)
        .orderBy("expires_at")
        .limit(limit)
        .execute();
      if (due.length === 0) return { going: [], settled: 0 };
      const settled = due.filter((row) => numberOf(row.carried) === 1).map((row) => textOf(row.id));
      if (settled.length > 0) {
        await retryAborted(() => writeDb.updateTable("files").set({ expires_at: null }).where("id", "in", settled.sort()).execute());
      }
      const others = due.filter((row) => numberOf(row.carried) !== 1).map((row) => textOf(row.id));
      if (others.length === 0) return { going: [], settled: settled.length };
      // Asked again with the change: a message may have come to carry it, or been accepted with it.
      await retryAborted(() =>
        writeDb
          .updateTable("files")
          .set({ state: "going" })
          .where("id", "in", others.sort())
          .where("expires_at", "<", now)
          .where((eb) => eb.not(carried("files.id")))
          .execute(),
      );
      const going = await writeDb.selectFrom("files").select("id").where("id", "in", others).where("state", "=", "going").execute();
      return { going: going.map((row) => textOf(row.id)), settled: settled.length };
    },

    async remove(ids) {
      if (ids.length === 0) return 0;
      const { numDeletedRows } = await retryAborted(() =>
        writeDb
          .deleteFrom("files")
          .where("id", "in", [...ids].sort())
          .where("state", "=", "going")
          .executeTakeFirstOrThrow(),
      );
      return Number(numDeletedRows);
    },
  };
};
