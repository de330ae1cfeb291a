import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createLogger, systemClock } from "@dunlin/runtime";
import { afterEach, beforeEach, expect, test } from "vitest";
import { eventually } from "../testing/eventually.js";
import { registryContract } from "./contract.js";
import { MemoryRegistry, MemorySpace, spaceFile } from "./memory/index.js";
import { SLOTS } from "./port.js";

const logger = createLogger({ service: "test", level: "silent" });
const TTL_MS = 600;
let space = new MemorySpace();
let folder = "";

beforeEach(() => {
  space = new MemorySpace();
  folder = mkdtempSync(join(tmpdir(), "dunlin-registry-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

registryContract("memory", {
  ttlMs: TTL_MS,
  open: async () => {
    let reachable = true;
    const registry = new MemoryRegistry({ logger, clock: systemClock, ttlMs: TTL_MS, space, reachable: () => reachable });
    return {
      registry,
      cut: () => {
        reachable = false;
      },
      heal: () => {
        reachable = true;
      },
    };
  },
});

/** A process on the data folder, at a time of our choosing. */
const start = (now: number) =>
  new MemoryRegistry({
    logger,
    clock: { now: () => now, monotonic: () => performance.now() },
    ttlMs: TTL_MS,
    space: new MemorySpace(spaceFile(folder)),
  });

test("a slot's reserved time and the newest token outlive the process, even when the clock steps back", async () => {
  const noon = 1_760_000_000_000;
  const first = start(noon);
  const slots = new Set<number>();
  for (let i = 0; i < SLOTS - 3; i++) {
    const lease = await first.leaseSlot("owner");
    expect(lease.reservedUntil).toBe(noon + 30_000);
    slots.add(lease.slot);
  }
  const lock = await first.lock("job", "owner");
  // Killed: nothing is closed. The next one finds a clock that is 5 s behind.
  const second = start(noon - 5_000);
  for (let i = 0; i < 3; i++) expect(slots).not.toContain((await second.leaseSlot("owner")).slot);
  expect((await second.lock("job", "owner"))?.token).toBeGreaterThan(lock?.token ?? Number.NaN);
  await first.close();
  await second.close();
});

test("when every free slot's reserved time lies far ahead there is none to be had", async () => {
  const slots = Object.fromEntries(Array.from({ length: SLOTS }, (_, slot) => [slot, 1_760_000_000_000 + 3_600_000]));
  writeFileSync(spaceFile(folder), JSON.stringify({ slots, token: 0 }));
  const registry = start(1_760_000_000_000);
  await expect(registry.leaseSlot("owner")).rejects.toMatchObject({ code: "UNAVAILABLE" });
  await registry.close();
});

test("with one slot left, its reserved time is waited for", async () => {
  const slots = Object.fromEntries(Array.from({ length: SLOTS }, (_, slot) => [slot, 1_760_000_000_000 + (slot === 9 ? 100 : 3_600_000)]));
  writeFileSync(spaceFile(folder), JSON.stringify({ slots, token: 0 }));
  const registry = start(1_760_000_000_000);
  const lease = await registry.leaseSlot("owner");
  expect([lease.slot, lease.valid]).toEqual([9, true]);
  await registry.close();
});

test("a slot that was given to somebody else is lost for good", async () => {
  let reachable = true;
  const shared = new MemorySpace();
  const options = { logger, clock: systemClock, ttlMs: TTL_MS, space: shared };
  const a = new MemoryRegistry({ ...options, reachable: () => reachable });
  const b = new MemoryRegistry(options);
  const lease = await a.leaseSlot("ann");
  const lost = new Promise<void>((resolve) => lease.onLost(resolve));
  reachable = false;
  const deadline = performance.now() + 30_000;
  // Somebody else takes every slot there is; the one whose holder sleeps is among them once its lease has run out.
  const won = new Set<number>();
  while (!won.has(lease.slot) && performance.now() < deadline) {
    const slot = await b.leaseSlot("bob").then(
      (given) => given.slot,
      () => undefined,
    );
    if (slot === undefined) await new Promise((resolve) => setTimeout(resolve, 20));
    else won.add(slot);
  }
  expect(won).toContain(lease.slot);
  await lost;
  reachable = true;
  await new Promise((resolve) => setTimeout(resolve, TTL_MS));
  expect(lease.valid).toBe(false);
  await a.close();
  await b.close();
});

test("a broken file is not in the way", async () => {
  writeFileSync(spaceFile(folder), "{");
  const registry = start(1_760_000_000_000);
  expect((await registry.leaseSlot("owner")).valid).toBe(true);
  await registry.close();
});

test("a lock whose token cannot be written is refused, and free again", async () => {
  const blocked = join(folder, "blocked");
  writeFileSync(blocked, "a file where the folder should be");
  const registry = new MemoryRegistry({ logger, clock: systemClock, ttlMs: TTL_MS, space: new MemorySpace(spaceFile(blocked)) });
  await expect(registry.lock("job", "ann")).rejects.toMatchObject({ code: "UNAVAILABLE" });
  rmSync(blocked);
  expect((await registry.lock("job", "ann"))?.valid).toBe(true);
  await registry.close();
});

test("a slot whose time cannot be reserved on disk gives no time, and goes on when it can", async () => {
  const blocked = join(folder, "blocked");
  writeFileSync(blocked, "a file where the folder should be");
  const registry = new MemoryRegistry({ logger, clock: systemClock, ttlMs: TTL_MS, space: new MemorySpace(spaceFile(blocked)) });
  const lease = await registry.leaseSlot("ann");
  expect(lease.reservedUntil).toBe(0);
  rmSync(blocked);
  await eventually(() => expect(lease.reservedUntil).toBeGreaterThan(Date.now()));
  await registry.close();
});
