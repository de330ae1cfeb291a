import type {
  GroupSettings,
  Groups,
  IngestChanges,
  IngestTransaction,
  JoinMode,
  JoinRequest,
  Restriction,
  UserPlace,
} from "../port/index.js";
import type { SqlContext } from "./context.js";
import { distinctKeys, sortRows } from "./keys.js";
import { numberOf, textOf } from "./rows.js";
import { type Insertion, type Row, type Selection, type Session, type SqlValue, type WriteStep, withSession } from "./session.js";

const placeKey = ["conversation_id", "user_id"];

const settingsColumns = [
  "conversation_id",
  "announcement",
  "slow_mode_s",
  "muted_until",
  "join_mode",
  "link",
  "link_expires_at",
  "link_max_uses",
  "link_uses",
  "dissolved_at",
] as const;
const restrictionColumns = ["conversation_id", "user_id", "banned_at", "banned_by", "muted_until", "last_sent_at"] as const;
const requestColumns = ["conversation_id", "user_id", "message", "requested_at", "expires_at", "refused"] as const;

const settingsOf = (row: Row): GroupSettings => ({
  conversationId: textOf(row.conversation_id),
  announcement: textOf(row.announcement),
  slowModeS: numberOf(row.slow_mode_s),
  mutedUntil: numberOf(row.muted_until),
  join: textOf(row.join_mode) as JoinMode,
  link: textOf(row.link),
  linkExpiresAt: numberOf(row.link_expires_at),
  linkMaxUses: numberOf(row.link_max_uses),
  linkUses: numberOf(row.link_uses),
  dissolvedAt: numberOf(row.dissolved_at),
});

const restrictionOf = (row: Row): Restriction => ({
  conversationId: textOf(row.conversation_id),
  userId: textOf(row.user_id),
  bannedAt: numberOf(row.banned_at),
  bannedBy: textOf(row.banned_by),
  mutedUntil: numberOf(row.muted_until),
  lastSentAt: numberOf(row.last_sent_at),
});

const requestOf = (row: Row): JoinRequest => ({
  conversationId: textOf(row.conversation_id),
  userId: textOf(row.user_id),
  message: textOf(row.message),
  requestedAt: numberOf(row.requested_at),
  expiresAt: numberOf(row.expires_at),
  refused: numberOf(row.refused) > 0,
});

const settings: Selection = { table: "group_settings", columns: settingsColumns, key: ["conversation_id"] };
const restrictions: Selection = { table: "restrictions", columns: restrictionColumns, key: placeKey };
const requests: Selection = { table: "join_requests", columns: requestColumns, key: placeKey };

const readSettings = async (session: Session, ids: readonly string[]): Promise<GroupSettings[]> =>
  (await session.select(settings, distinctKeys(ids.map((id) => [id])))).map(settingsOf);

const placesOf = (places: readonly UserPlace[]): (string | number)[][] => distinctKeys(places.map((p) => [p.conversationId, p.userId]));

const readRestrictions = async (session: Session, places: readonly UserPlace[]): Promise<Restriction[]> =>
  (await session.select(restrictions, placesOf(places))).map(restrictionOf);

/** What ingest reads of groups. The rows change only under their conversation's lock, so they need none of their own. */
export const groupReads = (
  session: Session,
): Pick<IngestTransaction, "groupSettings" | "restrictions" | "joinRequests" | "countJoinRequests"> => ({
  groupSettings: (ids) => readSettings(session, ids),
  restrictions: (places) => readRestrictions(session, places),
  joinRequests: async (places) => (await session.select(requests, placesOf(places))).map(requestOf),
  countJoinRequests: async (conversationId, now) => {
    const { rows } = await session.run(
      "select count(*) as waiting from join_requests where conversation_id = ? and expires_at > ? and refused = 0",
      [conversationId, now],
    );
    return numberOf(rows[0]?.waiting ?? 0);
  },
});

const replacing = (selection: Selection): Insertion => ({
  table: selection.table,
  columns: selection.columns,
  key: selection.key,
  existing: Object.fromEntries(selection.columns.filter((column) => !selection.key.includes(column)).map((column) => [column, "set"])),
});
const insertSettings = replacing(settings);
const insertRestrictions = replacing(restrictions);
const insertRequests = replacing(requests);

const put = <T>(insert: Insertion, items: readonly T[], rowOf: (item: T) => SqlValue[]): WriteStep => ({
  insert,
  rows: () => sortRows(items.map(rowOf), insert.key.length),
});
const remove = (table: string, places: readonly UserPlace[]): WriteStep => ({
  remove: { table, key: placeKey },
  keys: () =>
    sortRows(
      places.map((place) => [place.conversationId, place.userId]),
      2,
    ),
});

/** What ingest writes of groups. */
export const groupSteps = (changes: IngestChanges): WriteStep[] => [
  put(insertSettings, changes.groupSettings, (s) => [
    s.conversationId,
    s.announcement,
    s.slowModeS,
    s.mutedUntil,
    s.join,
    s.link === "" ? null : s.link,
    s.linkExpiresAt,
    s.linkMaxUses,
    s.linkUses,
    s.dissolvedAt,
  ]),
  remove("restrictions", changes.restrictionsRemoved),
  put(insertRestrictions, changes.restrictions, (r) => [r.conversationId, r.userId, r.bannedAt, r.bannedBy, r.mutedUntil, r.lastSentAt]),
  remove("join_requests", changes.joinRequestsRemoved),
  put(insertRequests, changes.joinRequests, (r) => [r.conversationId, r.userId, r.message, r.requestedAt, r.expiresAt, r.refused ? 1 : 0]),
];

export const createGroups = ({ reads, readDb, writeDb }: SqlContext): Groups => ({
  settings: (ids) => withSession(reads, (session) => readSettings(session, ids)),

  async byLink(link) {
    const row = await readDb.selectFrom("group_settings").select(settingsColumns).where("link", "=", link).executeTakeFirst();
    return row && settingsOf(row);
  },

  restrictions: (places) => withSession(reads, (session) => readRestrictions(session, places)),

  async bans(conversationId, afterUserId, limit) {
    const rows = await readDb
      .selectFrom("restrictions")
      .select(restrictionColumns)
      .where("conversation_id", "=", conversationId)
      .where("user_id", ">", afterUserId)
      .where("banned_at", ">", 0)
      .orderBy("user_id")
      .limit(limit)
      .execute();
    return rows.map(restrictionOf);
  },

  async joinRequests(conversationId, after, now, limit) {
    let query = readDb
      .selectFrom("join_requests")
      .select(requestColumns)
      .where("conversation_id", "=", conversationId)
      .where("refused", "=", 0)
      .where("expires_at", ">", now);
    if (after) {
      query = query.where((eb) =>
        eb.or([
          eb("requested_at", ">", after.requestedAt),
          eb.and([eb("requested_at", "=", after.requestedAt), eb("user_id", ">", after.userId)]),
        ]),
      );
    }
    return (await query.orderBy("requested_at").orderBy("user_id").limit(limit).execute()).map(requestOf);
  },

  async countJoinRequests(conversationId, now) {
    const row = await readDb
      .selectFrom("join_requests")
      .select((eb) => eb.fn.countAll().as("waiting"))
      .where("conversation_id", "=", conversationId)
      .where("refused", "=", 0)
      .where("expires_at", ">", now)
      .executeTakeFirst();
    return numberOf(row?.waiting ?? 0);
  },

  async removeExpiredRequests(before, limit) {
    const expired = await readDb
      .selectFrom("join_requests")
      .select(["conversation_id", "user_id"])
      .where("expires_at", "<", before)
      .orderBy("expires_at")
      .limit(limit)
      .execute();
    let removed = 0;
    for (const { conversation_id, user_id } of expired) {
      // One may have been asked anew meanwhile: the time is looked at again.
      const { numDeletedRows } = await writeDb
        .deleteFrom("join_requests")
        .where("conversation_id", "=", conversation_id)
        .where("user_id", "=", user_id)
        .where("expires_at", "<", before)
        .executeTakeFirstOrThrow();
      removed += Number(numDeletedRows);
    }
    return removed;
  },
});
