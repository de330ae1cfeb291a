import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type EngineName, type Host, type HostConfig, hostOptions, openHost } from "@dunlin/engines/host";
import type { Store } from "@dunlin/engines/store";
import { createDatabase } from "@dunlin/engines/testing";
import { type ConfigOf, createLogger, loadConfig, type OptionTable } from "@dunlin/runtime";
import { engineUrls } from "./engines.js";

export const storeKinds = ["sqlite", "mysql"] as const;
export type StoreKind = (typeof storeKinds)[number];

export interface OpenedStore {
  readonly store: Store;
  close(): Promise<void>;
}

/** Engines of its own, embedded ones but for the store that is asked for, which is empty. Ports are any free ones. */
export const openEngines = async <T extends OptionTable, K extends EngineName>(
  kind: StoreKind,
  options: T,
  needs: readonly K[],
  env: Readonly<Record<string, string>> = {},
): Promise<{ readonly host: Host<K | "store">; readonly config: ConfigOf<T> & HostConfig; close(): Promise<void> }> => {
  const dir = await mkdtemp(join(tmpdir(), "dunlin-bench-"));
  const database = kind === "mysql" ? await createDatabase((await engineUrls(process.env))["IM_STORE_URL"] as string) : undefined;
  const settings = { ...env, IM_DATA_DIR: dir, ...(database ? { IM_STORE_URL: database.url } : {}) };
  const config = loadConfig({ ...hostOptions, ...options }, settings) as ConfigOf<T> & HostConfig;
  const logger = createLogger({ service: "bench", level: "warn" });
  const host = await openHost({ service: "bench", config, needs: [...needs, "store"], logger });
  await host.engines.store.migrate();
  return {
    host,
    config,
    close: async () => {
      await host.close();
      await database?.drop();
      await rm(dir, { recursive: true, force: true });
    },
  };
};

/** An empty store of its own. */
export const openStore = async (kind: StoreKind): Promise<OpenedStore> => {
  const { host, close } = await openEngines(kind, {}, []);
  return { store: host.engines.store, close };
};
