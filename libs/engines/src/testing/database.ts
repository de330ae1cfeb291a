import { randomBytes } from "node:crypto";
import { Admin } from "../store/mysql/admin.js";

/** A database of one's own on a MySQL server. */
export interface OwnDatabase {
  /** mysql://…/name */
  readonly url: string;
  /** Removes it with all that is in it. */
  drop(): Promise<void>;
}

/**
 * Creates an empty database beside the one that `serverUrl` names; its user must be allowed to.
 * For tests and measurements: a deployment's database is made by its operator.
 */
export const createDatabase = async (serverUrl: string): Promise<OwnDatabase> => {
  const name = `dunlin_${randomBytes(6).toString("hex")}`;
  const run = async (sql: string): Promise<void> => {
    const admin = new Admin(serverUrl);
    try {
      await admin.run(sql);
    } finally {
      admin.close();
    }
  };
  await run(`create database ${name} character set utf8mb4 collate utf8mb4_bin`);
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  return { url: url.href, drop: () => run(`drop database ${name}`) };
};
