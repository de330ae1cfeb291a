import { Closer } from "@dunlin/runtime";
import { startSuite } from "@dunlin/suite";
import { baseSettings, makeTempDir, openInside, type Settings } from "./settings.js";
import type { System } from "./system.js";

const ANY_PORT: Settings = { IM_API_PORT: "0", IM_WS_PORT: "0", IM_GRPC_PORT: "0", IM_METRICS_PORT: "0" };

/** All services in this process; on embedded engines unless `settings` names others. */
export const startSuiteSystem = async (settings: Settings = {}): Promise<System> => {
  const closer = new Closer();
  try {
    const dir = await makeTempDir();
    closer.add("folder", dir.remove);
    const env = { ...baseSettings(dir.path), ...ANY_PORT, ...settings };
    const suite = await startSuite(env);
    closer.add("suite", () => suite.stop());
    const { host, tokens } = await openInside(env);
    closer.add("store", () => host.close());
    return {
      apiUrls: [suite.apiUrl],
      grpcAddresses: [suite.grpcAddress],
      tokens,
      store: host.engines.store,
      stop: () => closer.close(),
    };
  } catch (error) {
    await closer.close();
    throw error;
  }
};
