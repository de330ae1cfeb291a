import { join } from "node:path";
import { defineEngine, host, requireProgram } from "./process.mjs";

const program = () => requireProgram("etcd", "etcd-server");

/** One etcd member. */
export const etcd = defineEngine({
  name: "etcd",
  setting: "IM_ETCD_URL",
  defaultPort: 2379,
  ports: 1,
  url: (port) => `http://${host}:${port}`,
  require: program,
  command: ({ data, ports: [port, peerPort] }) => {
    const client = `http://${host}:${port}`;
    const peer = `http://${host}:${peerPort}`;
    return {
      file: program(),
      args: [
        ["--name", "dunlin"],
        ["--data-dir", join(data, "member")],
        ["--listen-client-urls", client],
        ["--advertise-client-urls", client],
        ["--listen-peer-urls", peer],
        ["--initial-advertise-peer-urls", peer],
        ["--initial-cluster", `dunlin=${peer}`],
        ["--logger", "zap"],
        ["--log-level", "warn"],
      ].flat(),
      // etcd refuses to start elsewhere than on amd64 unless told that this is meant.
      env: process.arch === "x64" ? {} : { ETCD_UNSUPPORTED_ARCH: process.arch },
    };
  },
  ready: async (port) => {
    const answer = await fetch(`http://${host}:${port}/health`, { signal: AbortSignal.timeout(2000) });
    return (await answer.json()).health === "true";
  },
});

export const { start, attach, missing } = etcd;
