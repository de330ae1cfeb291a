import { type EngineName, type Host, hostOptions, openHost } from "@dunlin/engines/host";
import { type Clock, type ConfigOf, createLogger, loadConfig, type OptionTable, systemClock } from "@dunlin/runtime";
import { afterEach } from "vitest";
import { makeTempDir } from "./settings.js";

/** A log line as written. */
export type LogLine = Readonly<Record<string, unknown>>;

const cleanUps: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

/** Runs at the end of the test, in reverse order, before what was opened earlier is closed. */
export const atEnd = (cleanUp: () => Promise<void> | void): void => {
  cleanUps.push(cleanUp);
};

/** A folder that goes at the end of the test. */
export const tempFolder = async (): Promise<string> => {
  const folder = await makeTempDir();
  atEnd(() => folder.remove());
  return folder.path;
};

/** Real embedded engines on a folder of their own, with settings as the environment would give them; closed at the end of the test. */
export const openEmbedded = async <T extends OptionTable, K extends EngineName>(
  options: T,
  needs: readonly K[],
  env: Readonly<Record<string, string>> = {},
  clock: Clock = systemClock,
): Promise<{ host: Host<K>; config: ConfigOf<typeof hostOptions> & ConfigOf<T>; logged: LogLine[] }> => {
  const folder = env["IM_DATA_DIR"] ?? (await tempFolder());
  const table = { ...hostOptions, ...options };
  const config = loadConfig(table, { IM_DATA_DIR: folder, IM_LOG_LEVEL: "debug", ...env }) as ConfigOf<typeof hostOptions> & ConfigOf<T>;
  const logged: LogLine[] = [];
  const destination = { write: (line: string): void => void logged.push(JSON.parse(line) as LogLine) };
  const logger = createLogger({ service: "test", level: config.IM_LOG_LEVEL, destination });
  const host = await openHost({ service: "test", config, needs, logger, clock });
  atEnd(() => host.close());
  if ((needs as readonly string[]).includes("store")) await (host as unknown as Host<"store">).engines.store.migrate();
  return { host, config, logged };
};

/** A point that work waits at until it is opened. */
export const createGate = (): { reached: () => boolean; pass: () => Promise<void>; open: () => void } => {
  let waiting = 0;
  let open = (): void => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return {
    reached: () => waiting > 0,
    pass: () => {
      waiting += 1;
      return opened;
    },
    open,
  };
};
