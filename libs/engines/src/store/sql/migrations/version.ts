import type { Kysely } from "kysely";
import type { SqlDialect } from "../dialect.js";

/** Brings the schema from the version before to this one. Can be run again after a crash at any place. */
export type SchemaChange = (db: Kysely<unknown>, dialect: SqlDialect) => Promise<void>;
