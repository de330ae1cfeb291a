import { createDatabase } from "@dunlin/engines/testing";
import { Closer } from "@dunlin/runtime";
import type { Settings } from "./settings.js";
import type { System } from "./system.js";

const NAMES = ["IM_QUEUE_URL", "IM_STORE_URL", "IM_REDIS_URL", "IM_ETCD_URL"] as const;

/**
 * Starts a system on the engines that the environment names. It gets a database of its own, dropped afterwards; in the
 * other engines its namespace keeps it apart from what else they serve.
 */
export const withRealEngines = async (start: (engines: Settings) => Promise<System>): Promise<System> => {
  const engines: Settings = {};
  for (const name of NAMES) {
    const url = process.env[name];
    if (!url) throw new Error(`${name} is not set: these tests need all four engines`);
    engines[name] = url;
  }
  // Files lie in the store's folder where no blob store is named.
  if (process.env["IM_BLOB_URL"]) engines["IM_BLOB_URL"] = process.env["IM_BLOB_URL"];
  const closer = new Closer();
  try {
    const database = await createDatabase(engines["IM_STORE_URL"] ?? "");
    closer.add("database", () => database.drop());
    const system = await start({ ...engines, IM_STORE_URL: database.url });
    closer.add("system", () => system.stop());
    return { ...system, stop: () => closer.close() };
  } catch (error) {
    await closer.close();
    throw error;
  }
};
