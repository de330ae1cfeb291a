import { join } from "node:path";
import { AppError } from "@dunlin/runtime";
import { DatabaseSync } from "@photostructure/sqlite";

const BUSY = 5;

/**
 * Keeps a data folder to one opener. The lock is one that SQLite takes on a file of its own, so the operating system
 * drops it with the process however that ends.
 * @returns what gives the folder free again.
 * @throws AppError UNAVAILABLE when the folder is in use.
 */
export const lockFolder = (dataDir: string): (() => void) => {
  const file = join(dataDir, "store.lock");
  const database = new DatabaseSync(file, { timeout: 0 });
  try {
    database.exec("pragma journal_mode = delete");
    database.exec("begin exclusive");
  } catch (error) {
    database.close();
    if (((error as { errcode?: number }).errcode ?? 0) % 256 === BUSY) {
      throw new AppError("UNAVAILABLE", `another process uses the data folder ${dataDir}; stop it or set another IM_DATA_DIR`, {
        cause: error,
      });
    }
    throw error;
  }
  return () => database.close();
};
