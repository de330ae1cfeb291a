import { Closer } from "@dunlin/runtime";
import { Inbox } from "./inbox.js";
import { freePorts } from "./ports.js";
import { ServiceProcess } from "./service-process.js";
import { baseSettings, makeTempDir, openStoreOf, type Settings, tokensOf } from "./settings.js";
import type { System } from "./system.js";

const COPIES = 2;

/** Every service its own process, two of each, on the engines that `engines` names. */
export const startClusterSystem = async (engines: Settings): Promise<System> => {
  const closer = new Closer();
  try {
    const dir = await makeTempDir();
    closer.add("folder", dir.remove);
    const inbox = await Inbox.open();
    closer.add("inbox", () => inbox.close());
    const settings = { ...baseSettings(dir.path), IM_SMTP_URL: inbox.url, ...engines };
    const ports = await freePorts(8 * COPIES);
    const port = (): number => ports.pop() as number;
    const apiUrls: string[] = [];
    const grpcAddresses: string[] = [];
    const start = async (make: () => ServiceProcess): Promise<void> => {
      const processes = Array.from({ length: COPIES }, make);
      for (const child of processes) closer.add(child.name, () => child.stop());
      await Promise.all(processes.map((child) => child.ready()));
    };
    // What others ask comes first; so it also stops last.
    await start(() => {
      const grpc = port();
      grpcAddresses.push(`127.0.0.1:${grpc}`);
      return new ServiceProcess("sys", { ...settings, IM_GRPC_PORT: String(grpc) }, port());
    });
    await start(() => new ServiceProcess("broker", { ...settings, IM_WS_PORT: String(port()) }, port()));
    await start(() => {
      const api = port();
      apiUrls.push(`http://127.0.0.1:${api}`);
      return new ServiceProcess("api", { ...settings, IM_API_PORT: String(api) }, port());
    });
    await start(() => new ServiceProcess("pn", settings, port()));
    await start(() => new ServiceProcess("cron", settings, port()));
    const host = await openStoreOf(settings);
    closer.add("store", () => host.close());
    return { apiUrls, grpcAddresses, tokens: tokensOf(settings), store: host.engines.store, inbox, stop: () => closer.close() };
  } catch (error) {
    await closer.close();
    throw error;
  }
};
