import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { createLogger, systemClock } from "@dunlin/runtime";
import { Etcd3 } from "etcd3";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { eventually, fresh } from "../testing/eventually.js";
import { throughout } from "./contract.js";
import { EtcdRegistry } from "./etcd/index.js";
import { EtcdProcess, hasEtcd } from "./etcd-process.js";
import type { Lock, Member } from "./port.js";

const logger = createLogger({ service: "test", level: "silent" });
const TTL_MS = 2_000;

describe.runIf(hasEtcd)("etcd under faults", () => {
  let etcd: EtcdProcess;
  const opened: EtcdRegistry[] = [];
  const children: ChildProcess[] = [];
  const open = (clock = systemClock): EtcdRegistry => {
    const registry = new EtcdRegistry({ url: etcd.url, ttlMs: TTL_MS, logger, clock, namespace: "dunlin" });
    opened.push(registry);
    return registry;
  };
  /** Runs `work` on etcd itself, past the registry. */
  const raw = async <T>(work: (client: Etcd3) => PromiseLike<T>): Promise<T> => {
    const client = new Etcd3({ hosts: etcd.url });
    try {
      return await work(client);
    } finally {
      client.close();
    }
  };
  const watched = async (registry: EtcdRegistry, service: string): Promise<string[][]> => {
    const seen: string[][] = [];
    await registry.watch(service, (members: readonly Member[]) => seen.push(members.map((member) => member.id).sort()));
    return seen;
  };

  beforeEach(async () => {
    etcd = await EtcdProcess.start();
  });
  afterEach(async () => {
    etcd.signal("SIGCONT");
    for (const child of children.splice(0)) {
      child.kill("SIGCONT");
      child.kill("SIGKILL");
    }
    await Promise.all(opened.splice(0).map((registry) => registry.close()));
    await etcd.close();
  });

  test("killed and started again without its data: nobody is dropped, everybody is registered again under the same slot", async () => {
    const service = fresh("service");
    const [a, b] = [open(), open()];
    await a.register(service, "ann", { addresses: { ws: "a" } });
    await b.register(service, "bob", { addresses: { ws: "b" } });
    const [slot, other] = [await a.leaseSlot("ann"), await b.leaseSlot("bob")];
    let lost = 0;
    slot.onLost(() => lost++);
    other.onLost(() => lost++);
    const lock = (await a.lock("job", "ann")) as Lock;
    const seen = await watched(a, service);
    expect(seen.at(-1)).toEqual(["ann", "bob"]);

    await etcd.kill();
    etcd.wipe();
    await eventually(() => expect([slot.valid, lock.valid, lock.signal.aborted]).toEqual([false, false, true]));
    await etcd.start();
    const restarted = performance.now();
    await eventually(() => expect([slot.valid, other.valid]).toEqual([true, true]), TTL_MS * 2);
    const fresher = await watched(open(), service);
    await eventually(() => expect(fresher.at(-1)).toEqual(["ann", "bob"]), Math.max(0, TTL_MS * 2 - (performance.now() - restarted)));
    expect(lost).toBe(0);

    // Who had the lock before believes in it for one TTL at most, and no other gets it in that time.
    let next: Lock | undefined;
    await eventually(async () => {
      next = await b.lock("job", "bob");
      expect(next).toBeDefined();
    });
    expect(next?.token).toBeGreaterThan(lock.token);
    const third = await open().leaseSlot("cat");
    expect([slot.slot, other.slot]).not.toContain(third.slot);
    expect(seen.every((members) => members.join() === "ann,bob")).toBe(true);
  });

  test("wiped within a moment: no lock is given while its old holder may still believe in it", async () => {
    const [a, b] = [open(), open()];
    await (await a.leaseSlot("first")).close();
    const held = (await a.lock("job", "ann")) as Lock;
    await etcd.kill();
    etcd.wipe();
    await etcd.start();
    let next: Lock | undefined;
    await eventually(async () => {
      next = await b.lock("job", "bob").catch(() => undefined);
      expect([held.valid, next?.valid]).not.toEqual([true, true]);
      expect(next).toBeDefined();
    });
    expect(held.valid).toBe(false);
    expect(next?.token).toBeGreaterThan(held.token);
  });

  test("killed and started again with its data: slots, locks' tokens and members stay", async () => {
    const service = fresh("service");
    const [a, b] = [open(), open()];
    await a.register(service, "ann", { addresses: {} });
    const slot = await a.leaseSlot("ann");
    const lock = (await a.lock("job", "ann")) as Lock;
    const seen = await watched(b, service);
    await etcd.kill();
    await etcd.start();
    await eventually(() => expect(slot.valid).toBe(true));
    await lock.close();
    await eventually(async () => expect((await b.lock("job", "bob"))?.token).toBeGreaterThan(lock.token));
    await throughout(TTL_MS * 2, () => expect(seen.at(-1)).toEqual(["ann"]));
    expect(seen).toEqual([["ann"]]);
  });

  test("stopped for three leases: calls are refused in 2 s, watchers keep the members, and the dead ones go after", async () => {
    const service = fresh("service");
    const [a, b, c, dead] = [open(), open(), open(), open()];
    await a.register(service, "ann", { addresses: {} });
    await b.register(service, "bob", { addresses: {} });
    const seen = await watched(c, service);
    const slot = await a.leaseSlot("ann");
    let lost = 0;
    slot.onLost(() => lost++);
    // One that dies at the moment etcd is stopped: nobody renews its lease.
    await raw(async (client) => {
      const lease = client.lease(TTL_MS / 1000, { autoKeepAlive: false });
      await lease.put(`dunlin/members/${service}/zed`).value('{"addresses":{}}');
    });
    await eventually(() => expect(seen.at(-1)).toEqual(["ann", "bob", "zed"]));
    etcd.signal("SIGSTOP");
    const start = performance.now();
    await expect(dead.register(service, "eve", { addresses: {} })).rejects.toMatchObject({ code: "UNAVAILABLE" });
    expect(performance.now() - start).toBeLessThan(2_000 * 1.2);
    await throughout(TTL_MS * 3, () => expect(seen.at(-1)).toEqual(["ann", "bob", "zed"]));
    expect(slot.valid).toBe(false);
    etcd.signal("SIGCONT");
    await eventually(() => expect(slot.valid).toBe(true));
    await eventually(() => expect(seen.at(-1)).toEqual(["ann", "bob"]), TTL_MS * 3);
    await throughout(TTL_MS, () => expect(seen.at(-1)).toEqual(["ann", "bob"]));
    const full = seen.findIndex((members) => members.length === 3);
    expect(seen.slice(full).every((members) => members.includes("ann") && members.includes("bob"))).toBe(true);
    expect(lost).toBe(0);
  });

  test("values that are no good are ignored, whole or in a change, and a compaction loses no watcher", async () => {
    const service = fresh("service");
    const [a, b] = [open(), open()];
    await raw((client) => client.put(`dunlin/members/${service}/junk`).value("{not json"));
    const seen = await watched(b, service);
    expect(seen).toEqual([[]]);
    const ann = await a.register(service, "ann", { addresses: { ws: "1" } });
    await eventually(() => expect(seen.at(-1)).toEqual(["ann"]));
    for (const bad of ["", "null", "[]", '{"addresses":5}', '{"addresses":{"ws":1}}', '{"addresses":{},"slot":"x"}', "\u0000\uffff"]) {
      await raw((client) => client.put(`dunlin/members/${service}/ann`).value(bad));
      await raw((client) => client.put(`dunlin/members/${service}/%E0%A4%A`).value(bad));
    }
    await raw(async (client) => {
      const { header } = await client.kv.range({ key: Buffer.from("x") });
      await client.kv.compact({ revision: header.revision, physical: true });
    });
    await ann.update({ addresses: { ws: "2" } });
    await a.register(service, "cat", { addresses: {} });
    await eventually(() => expect(seen.at(-1)).toEqual(["ann", "cat"]));
    expect(seen.slice(1).every((members) => members.includes("ann"))).toBe(true);
  });

  test("a slot that somebody else took is lost for good, and so is one that somebody had in between", async () => {
    const [a, b] = [open(), open()];
    const [taken, used] = [await a.leaseSlot("ann"), await b.leaseSlot("bob")];
    const lost: string[] = [];
    taken.onLost(() => lost.push("taken"));
    used.onLost(() => lost.push("used"));
    // As if their leases had run out and others had come: the keys are another's, or only the time it reserved is left.
    await raw(async (client) => {
      const { leases } = await client.leaseClient.leaseLeases();
      for (const { ID } of leases) await client.leaseClient.leaseRevoke({ ID });
      await client.put(`dunlin/slots/${taken.slot}`).value("another");
      await client.put(`dunlin/slots-used/${used.slot}`).value(`${Date.now()} another`);
    });
    await eventually(() => expect(lost.sort()).toEqual(["taken", "used"]));
    expect([taken.valid, used.valid]).toEqual([false, false]);
    let told = 0;
    taken.onLost(() => told++);
    expect(told).toBe(1);
  });

  test("the reserved time is written ahead, follows a clock that leaps, and keeps the slot from the next", async () => {
    let leap = 0;
    const a = open({ now: () => Date.now() + leap, monotonic: () => performance.now() });
    const slot = await a.leaseSlot("ann");
    expect(slot.reservedUntil).toBeGreaterThan(Date.now() + 20_000);
    leap = 3_600_000;
    await eventually(() => expect(slot.reservedUntil).toBeGreaterThan(Date.now() + leap + 20_000));
    expect(await raw((client) => client.get(`dunlin/slots-used/${slot.slot}`).string())).toMatch(new RegExp(`^${slot.reservedUntil} `));
    await slot.close();
    // All others are reserved for longer than anybody waits.
    const far = `${Date.now() + 2 * 3_600_000} another`;
    await raw(async (client) => {
      const keys = Array.from({ length: 1024 }, (_, n) => n).filter((n) => n !== slot.slot);
      for (let i = 0; i < keys.length; i += 64) {
        await Promise.all(keys.slice(i, i + 64).map((n) => client.put(`dunlin/slots-used/${n}`).value(far)));
      }
    });
    await expect(open().leaseSlot("bob")).rejects.toMatchObject({ code: "UNAVAILABLE" });
    await raw((client) => client.put(`dunlin/slots-used/${slot.slot}`).value(`${Date.now() + 1_000} another`));
    expect((await open().leaseSlot("cat")).slot).toBe(slot.slot);
  });

  test("a holder that is stopped for longer than its lease believes nothing when it goes on, and has its slot again", async () => {
    const b = open();
    await (await b.leaseSlot("first")).close();
    const child = spawn(process.execPath, [new URL("./slot-holder.js", import.meta.url).pathname, etcd.url, String(TTL_MS), "job"], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    children.push(child);
    interface Belief {
      at: number;
      slot: number;
      slotValid: boolean;
      lockValid: boolean;
      token: number;
      lost: boolean;
    }
    const beliefs: Belief[] = [];
    createInterface({ input: child.stdout }).on("line", (line) => beliefs.push(JSON.parse(line) as Belief));
    await eventually(() => expect(beliefs.at(-1)).toMatchObject({ slotValid: true, lockValid: true }));
    child.kill("SIGSTOP");
    let lock: Lock | undefined;
    await eventually(async () => {
      lock = await b.lock("job", "bob");
      expect(lock).toBeDefined();
    });
    await new Promise((resolve) => setTimeout(resolve, 300));
    const stoppedFor = beliefs.length;
    const before = beliefs.at(-1) as Belief;
    expect(lock?.token).toBeGreaterThan(before.token);
    const resumed = Date.now();
    child.kill("SIGCONT");
    await eventually(() => expect(beliefs.at(-1)).toMatchObject({ slot: before.slot, slotValid: true, lockValid: false, lost: false }));
    const after = beliefs.slice(stoppedFor).filter(({ at }) => at >= resumed);
    expect(after[0]).toMatchObject({ slotValid: false, lockValid: false });
    expect(after.some(({ lockValid }) => lockValid)).toBe(false);
    expect(lock?.valid).toBe(true);
    const exited = once(child, "exit");
    child.kill("SIGKILL");
    await exited;
  });
});
