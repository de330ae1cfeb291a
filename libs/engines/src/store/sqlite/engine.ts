import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { Closer } from "@dunlin/runtime";
import type { Store } from "../port/index.js";
import { unavailable } from "../sql/errors.js";
import type { SessionSource } from "../sql/session.js";
import { createSqlStore } from "../sql/store.js";
import { WorkerConnection } from "./connection.js";
import { openDatabase, Statements } from "./database.js";
import { sqliteDialect, sqliteKysely } from "./dialect.js";
import { lockFolder } from "./folder-lock.js";
import { createSqliteSearch, SearchFile } from "./search.js";
import { SqliteSession } from "./session.js";
import { Turns } from "./turns.js";

const MAX_WAITING_WRITES = 1024;
const MAX_WAIT_MS = 10_000;

/**
 * The embedded store: `<dataDir>/store.db`, one connection that writes and one that reads, each in its thread, and one for
 * quick lookups in place: waking a thread costs some 100 µs of CPU, such a lookup three.
 * @throws AppError UNAVAILABLE when another process uses the folder.
 */
export const openSqliteStore = async (dataDir: string): Promise<Store> => {
  const file = join(dataDir, "store.db");
  const closer = new Closer();
  try {
    await mkdir(dataDir, { recursive: true });
    closer.add("folder lock", lockFolder(dataDir));
    const writer = await WorkerConnection.open({ file, mode: "writer" });
    closer.add("writer", () => writer.close());
    const reader = await WorkerConnection.open({ file, mode: "reader" });
    closer.add("reader", () => reader.close());
    const local = openDatabase(file, "reader", 0);
    const lookups = new Statements(local);
    closer.add("lookups", () => {
      lookups.clear();
      local.close();
    });

    const searchFile = new SearchFile(join(dataDir, "search.db"));
    closer.add("search", () => searchFile.close());

    const turns = new Turns(MAX_WAITING_WRITES, MAX_WAIT_MS);
    let closed = false;
    const refuseClosed = (): void => {
      if (closed) throw unavailable("the store is closed");
    };
    const writes: SessionSource = {
      async acquire() {
        refuseClosed();
        await turns.take();
        return new SqliteSession(writer, () => turns.done());
      },
    };
    return createSqlStore({
      dialect: sqliteDialect,
      kysely: sqliteKysely,
      reads: {
        async acquire() {
          refuseClosed();
          return new SqliteSession(reader, () => undefined, lookups);
        },
      },
      writes,
      migrations: writes,
      search: (context) => createSqliteSearch(context, searchFile),
      async close() {
        closed = true;
        turns.refuseAll(unavailable("the store is closed"));
        // What is being written now may finish.
        await turns.take().catch(() => undefined);
        await closer.close();
      },
    });
  } catch (error) {
    await closer.close();
    throw error;
  }
};
