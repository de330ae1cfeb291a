import { ask, defineEngine, host, requireProgram } from "./process.mjs";

const program = () => requireProgram("redis-server", "redis-server");

/** Redis without persistence: what it holds can be rebuilt, and the tests prove that it is. */
export const redis = defineEngine({
  name: "redis",
  setting: "IM_REDIS_URL",
  defaultPort: 6379,
  url: (port) => `redis://${host}:${port}`,
  require: program,
  command: ({ data, ports: [port] }) => ({
    file: program(),
    args: ["--port", String(port), "--bind", host, "--dir", data, "--save", "", "--appendonly", "no", "--daemonize", "no"],
  }),
  ready: async (port) => (await ask(port, "PING\r\n")).toString().startsWith("+PONG"),
});

export const { start, attach, missing } = redis;
