import { Closer } from "@dunlin/runtime";
import { startSuite } from "@dunlin/suite";
import { Inbox } from "./inbox.js";
import { baseSettings, makeTempDir, type Settings, tokensOf } from "./settings.js";
import type { System } from "./system.js";

/** All services in this process; on embedded engines unless `settings` names others. */
export const startSuiteSystem = async (settings: Settings = {}): Promise<System> => {
  const closer = new Closer();
  try {
    const dir = await makeTempDir();
    closer.add("folder", dir.remove);
    const inbox = await Inbox.open();
    closer.add("inbox", () => inbox.close());
    const env = { ...baseSettings(dir.path), IM_SMTP_URL: inbox.url, ...settings };
    const suite = await startSuite({ env });
    closer.add("suite", () => suite.stop());
    return {
      apiUrls: [suite.apiUrl],
      grpcAddresses: [suite.grpcAddress],
      tokens: tokensOf(env),
      store: suite.host.engines.store,
      inbox,
      stop: () => closer.close(),
    };
  } catch (error) {
    await closer.close();
    throw error;
  }
};
