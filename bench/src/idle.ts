import { type ChildProcess, fork } from "node:child_process";
import { sleep } from "@dunlin/runtime";
import { parseFlags } from "./figures.js";
import type { ReceiverReport, ReceiverRequest } from "./load/receiver.js";
import { startSystem } from "./system.js";

/**
 * Memory a connection: bytes of the process that runs the gateway, before and after many authenticated, routed
 * connections stand idle, divided by their number. Twice: resident as it stands, with the garbage of the handshakes that
 * V8 has not given back; and resident after a forced full collection of both, which is what the connections keep.
 * Connects from processes of 7,500, because a process may have 20,000 descriptors.
 */
export const benchIdle = async (args: readonly string[]): Promise<void> => {
  const flags = parseFlags(args);
  const connections = Number(flags.get("connections") ?? 15_000);
  const shape = flags.get("shape") === "one" ? "one" : "split";
  const engines = flags.get("engines") === "embedded" ? "embedded" : "cluster";
  const system = await startSystem({ engines, shape, users: connections, env: { IM_WS_MAX_CONNECTIONS: String(connections + 100) } });
  const receivers: ChildProcess[] = [];
  const gateway = shape === "one" ? "dunlin" : "broker";
  try {
    await sleep(3_000);
    const before = (await system.memory())[gateway] as number;
    const cleanBefore = await system.collected(gateway);
    for (let at = 0; at < connections; at += 7_500) {
      const receiver = fork(new URL("./load/receiver.js", import.meta.url), { serialization: "advanced" });
      receivers.push(receiver);
      const request: ReceiverRequest = { kind: "start", wsUrl: system.wsUrl, users: system.users.slice(at, at + 7_500), rate: 32 };
      const connected = await new Promise<ReceiverReport & { kind: "connected" }>((resolve) => {
        receiver.once("message", (message) => resolve(message as ReceiverReport & { kind: "connected" }));
        receiver.send(request);
      });
      if (connected.failures > 0) throw new Error(`${connected.failures} connections failed`);
    }
    // Long enough for the collector to give back what the handshakes needed.
    await sleep(20_000);
    const after = (await system.memory())[gateway] as number;
    const clean = await system.collected(gateway);
    const open = await system.metric("dunlin_ws_connections");
    const each = (bytes: number): string => `${(bytes / open / 1024).toFixed(2)} KB`;
    const whole = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MiB`;
    const heap = clean.heapUsed - cleanBefore.heapUsed;
    const external = clean.external - cleanBefore.external;
    const resident = clean.rss - cleanBefore.rss;
    process.stdout.write(
      `${engines}, ${shape}: ${open} connections, memory of ${gateway}\n` +
        `  resident as it stands      ${whole(before)} → ${whole(after)}: ${each(after - before)} a connection\n` +
        `  resident, garbage collected ${whole(cleanBefore.rss)} → ${whole(clean.rss)}: ${each(resident)} a connection\n` +
        `    of which JavaScript heap ${each(heap)}, external ${each(external)}, native and fragmentation ${each(resident - heap - external)}\n`,
    );
  } finally {
    for (const receiver of receivers) receiver.kill();
    await system.stop();
  }
};
