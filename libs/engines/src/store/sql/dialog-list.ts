import { type DialogPage, type DialogPlace, type DialogRow, isListed } from "../port/index.js";
import type { SqlContext } from "./context.js";
import { withMarks } from "./dialog-marks.js";
import { dialogSelection, SUPERGROUPS, supergroupListing } from "./dialog-rows.js";
import { distinctKeys } from "./keys.js";
import { pairOf } from "./pairs.js";
import { dialogColumns, dialogOf, numberOf, textOf } from "./rows.js";
import { type Row, withSession } from "./session.js";

/** A dialog with the place at which the list shows it. */
interface Placed {
  readonly row: DialogRow;
  readonly place: DialogPlace;
}

/** When a paging began; see DialogPlace. */
type Start = Pick<DialogPlace, "asOf" | "newestAt">;

const placeOf = (row: DialogRow, { asOf, newestAt }: Start, updatedAt = row.updatedAt): Placed => ({
  row,
  place: { asOf, newestAt, pinned: row.pinned, updatedAt, peer: row.peer },
});

/** In the list's order: negative when `a` comes before `b`. */
const order = (a: DialogPlace, b: DialogPlace): number =>
  b.pinned - a.pinned || b.updatedAt - a.updatedAt || (a.peer < b.peer ? -1 : a.peer > b.peer ? 1 : 0);

/**
 * Pages through a user's dialogs as they lay when the paging began. A message moves its dialog to the top, away from the pages
 * still to come; the update log says which dialogs that happened to since, and the message before it where each one lay.
 */
export const createDialogList = ({ reads, readDb }: SqlContext) => {
  /** Dialogs that lie as they are stored, without those of supergroups: at most `limit`, in the list's order. */
  const storedRows = (userId: string, limit: number) =>
    readDb
      .selectFrom("dialogs as d")
      .select(dialogColumns.map((name) => `d.${name}` as const))
      .where("d.user_id", "=", userId)
      .where((eb) => eb.or([eb("d.peer", "<", SUPERGROUPS.from), eb("d.peer", ">=", SUPERGROUPS.to)]))
      .where((eb) => eb.or([eb("d.hidden", "=", 0), eb("d.top_seq", ">", eb.ref("d.cleared_seq"))]))
      .orderBy("d.pinned", "desc")
      .orderBy("d.updated_at", "desc")
      .orderBy("d.peer")
      .limit(limit);

  /** A user's supergroups, all of them: where they lie is worked out, so no index could say which come first. */
  const supergroupsOf = async (userId: string): Promise<DialogRow[]> => {
    const rows = await supergroupListing(readDb, userId).execute();
    return rows.map((row) => dialogOf(row as Row)).filter(isListed);
  };

  const newestPts = async (userId: string): Promise<number> => {
    const row = await readDb.selectFrom("mailboxes").select("pts").where("user_id", "=", userId).executeTakeFirst();
    return numberOf(row?.pts ?? 0);
  };

  const firstPage = async (userId: string, limit: number): Promise<Placed[]> => {
    const [stored, supergroups] = await Promise.all([
      // From one statement, which is one snapshot: the dialogs, and the pts that belongs to them.
      storedRows(userId, limit).innerJoin("mailboxes as b", "b.user_id", "d.user_id").select("b.pts as as_of").execute(),
      supergroupsOf(userId),
    ]);
    const asOf = stored[0] ? numberOf(stored[0].as_of) : await newestPts(userId);
    const newestAt = supergroups.reduce((newest, { updatedAt }) => Math.max(newest, updatedAt), 0);
    return [...stored.map((row) => dialogOf(row as Row)), ...supergroups]
      .map((row) => placeOf(row, { asOf, newestAt }))
      .sort((a, b) => order(a.place, b.place))
      .slice(0, limit);
  };

  const rowsAfter = async (userId: string, after: DialogPlace, limit: number): Promise<Placed[]> => {
    const { pinned, updatedAt, peer } = after;
    const [stored, supergroups] = await Promise.all([
      storedRows(userId, limit)
        .where((eb) =>
          eb.or([
            eb("d.pinned", "<", pinned),
            eb.and([eb("d.pinned", "=", pinned), eb("d.updated_at", "<", updatedAt)]),
            eb.and([eb("d.pinned", "=", pinned), eb("d.updated_at", "=", updatedAt), eb("d.peer", ">", peer)]),
          ]),
        )
        .execute(),
      supergroupsOf(userId),
    ]);
    return [...stored.map((row) => dialogOf(row as Row)), ...supergroups]
      .map((row) => placeOf(row, after))
      .filter(({ place }) => order(after, place) < 0)
      .sort((a, b) => order(a.place, b.place))
      .slice(0, limit);
  };

  /** Supergroups write no updates: which have moved, and where they lay, is told by time. */
  const supergroupsMovedSince = async (userId: string, start: Start): Promise<Placed[]> => {
    const rows = await readDb
      .selectFrom(supergroupListing(readDb, userId).as("d"))
      .innerJoin("dialogs as own", (join) => join.onRef("own.user_id", "=", "d.user_id").onRef("own.peer", "=", "d.peer"))
      .selectAll("d")
      .select("own.updated_at as own_updated_at")
      .where("d.pinned", "=", 0)
      .where("d.updated_at", ">", start.newestAt)
      // Who came in since was not in the list.
      .where("own.updated_at", "<=", start.newestAt)
      .execute();
    return Promise.all(
      rows.map(async (row) => {
        const before = await readDb
          .selectFrom("messages")
          .select("server_ts")
          .where("conversation_id", "=", textOf(row.peer))
          .where("server_ts", "<=", start.newestAt)
          .orderBy("seq", "desc")
          .limit(1)
          .executeTakeFirst();
        const updatedAt = Math.max(numberOf(row.own_updated_at), numberOf(before?.server_ts ?? 0));
        return placeOf(dialogOf(row as Row), start, updatedAt);
      }),
    );
  };

  /** The dialogs that messages have moved since, where they lay before; those that began since are left out. */
  const movedSince = async (userId: string, start: Start): Promise<{ peers: Set<string>; placed: Placed[] }> => {
    const placed = await supergroupsMovedSince(userId, start);
    const peers = new Set(placed.map(({ row }) => row.peer));
    const heads = await readDb
      .selectFrom("updates")
      .select((eb) => ["conversation_id", eb.fn.min("seq").as("first_seq")])
      .where("user_id", "=", userId)
      .where("pts", ">", start.asOf)
      .where("type", "in", ["C2C", "C2G"])
      .groupBy("conversation_id")
      .execute();
    if (heads.length === 0) return { peers, placed };
    const before = new Map<string, number>();
    const peerOf = new Map<string, string>();
    for (const head of heads) {
      const conversationId = textOf(head.conversation_id);
      before.set(conversationId, numberOf(head.first_seq) - 1);
      peerOf.set(conversationId, pairOf(conversationId)?.find((id) => id !== userId) ?? conversationId);
    }
    const places = distinctKeys([...before]);
    const [dialogs, messages, memberships] = await withSession(reads, (session) =>
      Promise.all([
        session.select(dialogSelection, distinctKeys([...peerOf.values()].map((peer) => [userId, peer]))),
        session.select({ table: "messages", columns: ["conversation_id", "server_ts"], key: ["conversation_id", "seq"] }, places),
        session.select(
          { table: "members", columns: ["conversation_id", "joined_seq", "joined_at"], key: ["conversation_id", "user_id"] },
          distinctKeys([...before.keys()].map((id) => [id, userId])),
        ),
      ]),
    );
    const storedAt = new Map(messages.map((row) => [textOf(row.conversation_id), numberOf(row.server_ts)]));
    const joined = new Map(memberships.map((row) => [textOf(row.conversation_id), row]));
    for (const peer of peerOf.values()) peers.add(peer);
    for (const row of dialogs.map(dialogOf)) {
      // The order of pinned ones does not depend on messages.
      if (row.pinned > 0) peers.delete(row.peer);
      if (row.pinned > 0 || !isListed(row)) continue;
      const seq = before.get(row.conversationId) ?? 0;
      const member = joined.get(row.conversationId);
      // Nothing was said between joining and then: the joining is what placed it.
      const since = member && seq <= numberOf(member.joined_seq) ? numberOf(member.joined_at) : undefined;
      const updatedAt = since ?? (seq > row.clearedSeq ? storedAt.get(row.conversationId) : undefined);
      if (updatedAt !== undefined) placed.push(placeOf(row, start, updatedAt));
    }
    return { peers, placed };
  };

  /** What follows a place, rows that have moved to behind it (from a pinned one, that is to the top of the rest) passed over. */
  const nextPage = async (userId: string, after: DialogPlace, limit: number): Promise<DialogPage> => {
    const found: Placed[] = [];
    for (let from = after; ; ) {
      // One more than asked for tells whether there are more.
      const rows = await rowsAfter(userId, from, limit + 1);
      found.push(...rows);
      const end = rows.length > limit ? rows.at(-1)?.place : undefined;
      // Asked for behind the rows: what moves in between stands in both, what moved before the rows were read only here.
      const moved = await movedSince(userId, after);
      const candidates = [
        ...found.filter(({ row }) => !moved.peers.has(row.peer)),
        ...moved.placed.filter(({ place }) => order(after, place) < 0 && (end === undefined || order(place, end) <= 0)),
      ].sort((a, b) => order(a.place, b.place));
      if (candidates.length > limit || end === undefined) return pageOf(candidates, limit);
      from = end;
    }
  };

  return async (userId: string, after: DialogPlace | undefined, limit: number): Promise<DialogPage> => {
    const { dialogs, next } = after ? await nextPage(userId, after, limit) : pageOf(await firstPage(userId, limit + 1), limit);
    return { dialogs: await withMarks(readDb, userId, dialogs), next };
  };
};

const pageOf = (placed: readonly Placed[], limit: number): DialogPage => ({
  dialogs: placed.slice(0, limit).map(({ row }) => row),
  next: placed.length > limit ? placed[limit - 1]?.place : undefined,
});
