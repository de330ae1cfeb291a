import { type Cache, openCache } from "@dunlin/engines/cache";
import { errors, queue as records, resultsChannel, SCHEMA_VERSION } from "@dunlin/proto";
import { createLogger, Metrics, systemClock } from "@dunlin/runtime";
import { afterEach, beforeEach, expect, test } from "vitest";
import { PendingResults } from "./pending-results.js";

let cache: Cache;
let results: PendingResults;
beforeEach(async () => {
  const deps = {
    logger: createLogger({ service: "test", level: "silent" }),
    metrics: new Metrics(),
    clock: systemClock,
    dataDir: "",
    namespace: "test",
  };
  cache = await openCache({ IM_REDIS_URL: undefined } as Parameters<typeof openCache>[0], deps);
  results = new PendingResults(cache, 7);
  await results.start();
});
afterEach(async () => {
  await results.close();
  await cache.close();
});

const publish = (commandId: string, code: number, version: number = SCHEMA_VERSION) =>
  cache.publish(resultsChannel(7), records.CommandResult.encode({ version, commandId, code }).finish());

test("a result that comes before produce resolves is not missed", async () => {
  expect(await results.outcome("a", 10_000, () => publish("a", 0))).toBe("OK");
  expect(await results.outcome("b", 10_000, () => publish("b", errors.GROUP_FULL.code))).toBe("GROUP_FULL");
});

test("only the command's own result counts, and no junk", async () => {
  const produce = async () => {
    await cache.publish(resultsChannel(7), Buffer.from([0xff, 0xff]));
    await publish("c", 0, 99);
    await publish("other", 0);
  };
  expect(await results.outcome("c", 20, produce)).toBeUndefined();
});

test("a code nobody knows is an internal error; a failed produce is thrown", async () => {
  expect(await results.outcome("d", 10_000, () => publish("d", 98_765))).toBe("INTERNAL");
  await expect(results.outcome("e", 10_000, () => Promise.reject(new Error("away")))).rejects.toThrow("away");
});

test("closing answers who still waits", async () => {
  const waiting = results.outcome("f", 60_000, async () => undefined);
  await results.close();
  expect(await waiting).toBeUndefined();
});
