import { type CloseOrder, publishControl } from "@dunlin/domain";
import { openCache } from "@dunlin/engines/cache";
import type { CloseName } from "@dunlin/proto";
import { createLogger, Metrics, systemClock } from "@dunlin/runtime";
import { expect, test } from "vitest";
import { CloseOrders } from "./close-orders.js";
import { Connection } from "./connection.js";
import { RecentOrders } from "./control.js";
import { Directory } from "./directory.js";
import { SessionCheck } from "./session-check.js";

test("a code that is not known here closes as kicked, also at the end of a handshake", async () => {
  const logger = createLogger({ service: "test", level: "silent" });
  const clock = systemClock;
  const cache = await openCache({ IM_REDIS_URL: undefined }, { logger, clock, metrics: new Metrics(), dataDir: "", namespace: "test" });
  const identity = { userId: "U1", sessionId: "s1", deviceId: "d1", platform: "web", expiresAtS: 0 };
  const [open, late] = [new Connection(identity, -1, 0), new Connection(identity, -1, 0)];
  const directory = new Directory();
  directory.add(open);
  const recent = new RecentOrders();
  const closed: CloseName[] = [];
  const orders = new CloseOrders({
    cache,
    clock,
    logger,
    slot: 1,
    directory,
    recent,
    sessions: new SessionCheck(async () => true, clock),
    close: (_connection, why) => closed.push(why),
  });
  const since = clock.monotonic();
  orders.start();
  for (const close of ["OF_TOMORROW", "toString", "UNRESPONSIVE"]) {
    const before = closed.length;
    await expect
      .poll(async () => {
        if (closed.length === before) await publishControl(cache, { kind: "close", userId: "U1", close, revoked: false } as CloseOrder);
        return closed.length > before;
      })
      .toBe(true);
    expect(recent.find(late, 1, since)?.close).toBe(closed.at(-1));
  }
  expect([...new Set(closed)]).toEqual(["KICKED", "UNRESPONSIVE"]);
  await orders.close();
  await cache.close();
});
