import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { hostOptions, openHost } from "@dunlin/engines/host";
import type { Store } from "@dunlin/engines/store";
import { createDatabase } from "@dunlin/engines/testing";
import { createLogger, loadConfig } from "@dunlin/runtime";
import { engineUrls } from "./engines.js";

export const storeKinds = ["sqlite", "mysql"] as const;
export type StoreKind = (typeof storeKinds)[number];

export interface OpenedStore {
  readonly store: Store;
  close(): Promise<void>;
}

/** An empty store of its own. */
export const openStore = async (kind: StoreKind): Promise<OpenedStore> => {
  const dir = await mkdtemp(join(tmpdir(), "dunlin-bench-"));
  const database = kind === "mysql" ? await createDatabase((await engineUrls(process.env))["IM_STORE_URL"] as string) : undefined;
  const config = loadConfig(hostOptions, { IM_DATA_DIR: dir, ...(database ? { IM_STORE_URL: database.url } : {}) });
  const host = await openHost({ service: "bench", config, needs: ["store"], logger: createLogger({ service: "bench", level: "warn" }) });
  await host.engines.store.migrate();
  return {
    store: host.engines.store,
    close: async () => {
      await host.close();
      await database?.drop();
      await rm(dir, { recursive: true, force: true });
    },
  };
};
