import { AppError } from "@dunlin/runtime";
import { type Kysely, type Migration, Migrator, sql } from "kysely";
import type { SqlDialect } from "../dialect.js";
import { first } from "./0001-first.js";
import { refreshGrace } from "./0002-refresh-grace.js";
import { messageChanges } from "./0003-message-changes.js";
import { dialogViews } from "./0004-dialog-views.js";
import { groupRules } from "./0006-group-rules.js";
import { supergroups } from "./0007-supergroups.js";
import { presence } from "./0008-presence.js";
import { contacts } from "./0009-contacts.js";
import { files } from "./0010-files.js";
import { codes } from "./0011-codes.js";
import { scheduled } from "./0012-scheduled.js";
import { search } from "./0013-search.js";
import { supergroupChanges } from "./0014-supergroup-changes.js";
import { supergroupRules } from "./0015-supergroup-rules.js";
import { filesInUse } from "./0016-files-in-use.js";
import { contactRefusals } from "./0017-contact-refusals.js";
import { deactivation } from "./0018-deactivation.js";
import { formerMembers } from "./0019-former-members.js";
import type { SchemaChange } from "./version.js";

/** Every version of the schema, oldest first. Names sort in order; one that has been released never changes. */
const changes: Readonly<Record<string, SchemaChange>> = {
  "0001-first": first,
  "0002-refresh-grace": refreshGrace,
  "0003-message-changes": messageChanges,
  "0004-dialog-views": dialogViews,
  "0006-group-rules": groupRules,
  "0007-supergroups": supergroups,
  "0008-presence": presence,
  "0009-contacts": contacts,
  "0010-files": files,
  "0011-codes": codes,
  "0012-scheduled": scheduled,
  "0013-search": search,
  "0014-supergroup-changes": supergroupChanges,
  "0015-supergroup-rules": supergroupRules,
  "0016-files-in-use": filesInUse,
  "0017-contact-refusals": contactRefusals,
  "0018-deactivation": deactivation,
  "0019-former-members": formerMembers,
};

const migrations = (dialect: SqlDialect): Record<string, Migration> =>
  Object.fromEntries(Object.entries(changes).map(([name, change]) => [name, { up: (db: Kysely<unknown>) => change(db, dialect) }]));

const VERSIONS = "schema_versions";

/** Whether the schema has every version this code knows. One that a newer release has brought further serves as well. */
const isCurrent = async (db: Kysely<unknown>): Promise<boolean> => {
  const known = await db.introspection.getTables();
  if (!known.some((table) => table.name === VERSIONS)) return false;
  const { rows } = await sql<{ name: string }>`select name from ${sql.table(VERSIONS)}`.execute(db);
  const there = new Set(rows.map((row) => row.name));
  return Object.keys(changes).every((name) => there.has(name));
};

const newest = Object.keys(changes).sort().at(-1) as string;

/** Brings the schema to the newest version. The dialect's adapter keeps two processes from doing it at once. */
export const migrate = async (db: Kysely<unknown>, dialect: SqlDialect): Promise<void> => {
  if (await isCurrent(db)) return;
  const migrator = new Migrator({
    db,
    provider: { getMigrations: async () => migrations(dialect) },
    migrationTableName: VERSIONS,
    migrationLockTableName: `${VERSIONS}_lock`,
    // Two lines of work that meet in a release may each have been run before.
    allowUnorderedMigrations: true,
  });
  const { error } = await migrator.migrateToLatest();
  if (error !== undefined) throw error;
};

/** @throws AppError UNAVAILABLE when the schema lacks a version that this code needs. */
export const checkSchema = async (db: Kysely<unknown>): Promise<void> => {
  if (!(await isCurrent(db))) throw new AppError("UNAVAILABLE", `the store's schema has not been migrated to ${newest}`);
};
