import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Tokens } from "@dunlin/domain";
import { type Host, hostOptions, openHost } from "@dunlin/engines/host";
import { loadConfig } from "@dunlin/runtime";

/** IM_… variables. */
export type Settings = Record<string, string>;

const ACCESS_TTL_S = 900;

/** The one origin that browsers may connect from in these tests. */
export const GOOD_ORIGIN = "https://chat.example.org";

/** What every shape is started with: everything on loopback, its own data folder, key and namespace. */
export const baseSettings = (dataDir: string): Settings => ({
  IM_HOST: "127.0.0.1",
  IM_DATA_DIR: dataDir,
  IM_LOG_LEVEL: "warn",
  IM_AUTH_KEY: randomBytes(48).toString("base64"),
  IM_NAMESPACE: `t${randomBytes(5).toString("hex")}`,
  IM_WS_ORIGINS: GOOD_ORIGIN,
});

export interface TempDir {
  readonly path: string;
  remove(): Promise<void>;
}

export const makeTempDir = async (): Promise<TempDir> => {
  const path = await mkdtemp(join(tmpdir(), "dunlin-e2e-"));
  return { path, remove: () => rm(path, { recursive: true, force: true }) };
};

/** Signs tokens with the key that a system was started with. */
export const tokensOf =
  (settings: Settings) =>
  (now?: number): Tokens =>
    new Tokens(Buffer.from(settings["IM_AUTH_KEY"] ?? ""), ACCESS_TTL_S, { now: () => now ?? Date.now() });

/** The tests' own way into a system's store on real engines. */
export const openStoreOf = (settings: Settings): Promise<Host<"store">> =>
  openHost({ service: "tests", config: loadConfig(hostOptions, settings), needs: ["store"] });
