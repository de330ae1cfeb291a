import { AppError, createLogger, Metrics } from "@dunlin/runtime";
import { expect, test } from "vitest";
import { Connection, flag, type Socket } from "./connection.js";
import { Directory } from "./directory.js";
import { gatewayMetrics } from "./gateway-metrics.js";
import { Mailbox } from "./mailbox.js";
import { Sender } from "./sender.js";
import { Stream } from "./stream.js";

test("while nobody answers for mailboxes, the sweep asks ever more rarely and logs once; then it goes on", async () => {
  let now = 0;
  const clock = { now: () => now, monotonic: () => now };
  let reads = 0;
  let away = true;
  const lines: string[] = [];
  const logger = createLogger({ service: "test", level: "warn", destination: { write: (line) => lines.push(line) } });
  const metrics = gatewayMetrics(new Metrics());
  const stream = new Stream({
    directory: new Directory(),
    mailbox: new Mailbox(async () => {
      reads += 1;
      if (away) throw new AppError("UNAVAILABLE");
      return { updates: [], pts: 0, hasMore: false, tooLong: false };
    }),
    sender: new Sender(clock, metrics),
    clock,
    logger,
    metrics,
    supergroups: () => undefined,
    memberships: () => undefined,
    close: () => undefined,
  });
  const connections = Array.from({ length: 100 }, (_, i) => {
    const identity = { userId: `U${i}`, sessionId: "s", deviceId: "d", platform: "web", expiresAtS: 0 };
    const connection = new Connection(identity, -1, 0);
    // Nothing is sent to it here: that it has a socket is enough.
    connection.ws = {} as Socket;
    connection.set(flag.LIVE);
    return connection;
  });
  const sweep = async (): Promise<void> => {
    now += 250;
    stream.sweep();
    await new Promise((resolve) => setImmediate(resolve));
  };
  for (const connection of connections) stream.doubt(connection, "route");
  await new Promise((resolve) => setImmediate(resolve));
  for (let i = 0; i < 40; i++) await sweep();
  // At 0, 0.25, 0.75, 1.75 s and then every two seconds.
  expect(reads).toBe(100 * 8);
  expect(lines).toHaveLength(1);
  away = false;
  reads = 0;
  for (let i = 0; i < 16; i++) await sweep();
  expect(reads).toBe(100);
  expect(connections.some((connection) => connection.has(flag.UNSURE))).toBe(false);
});
