import { createServer } from "node:net";

/** Below where Linux takes the local ports of outgoing connections from (32768), above what usually listens. */
const FIRST = 20_000;
const LAST = 32_000;

const free = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen({ port, host: "127.0.0.1", exclusive: true }, () => server.close(() => resolve(true)));
  });

/**
 * Ports for what is killed and started again on the same one. A port of the range of outgoing connections could be taken
 * by one of those in between, or (on loopback) a client that keeps trying could even connect to itself.
 */
export const stablePorts = async (count: number): Promise<number[]> => {
  const ports = new Set<number>();
  for (let tries = 0; ports.size < count; tries++) {
    if (tries > 50 * count) throw new Error("no free ports");
    const port = FIRST + Math.floor(Math.random() * (LAST - FIRST));
    if (!ports.has(port) && (await free(port))) ports.add(port);
  }
  return [...ports];
};
