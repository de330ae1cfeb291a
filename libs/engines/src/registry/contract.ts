import { afterEach, describe, expect, test } from "vitest";
import { eventually, fresh } from "../testing/eventually.js";
import type { Lock, Member, Registry, SlotLease } from "./port.js";
import { SLOTS } from "./port.js";

/** A registry as one process has it, and a way to cut that process off from the others. */
export interface Party {
  readonly registry: Registry;
  /** Cuts the connection: calls fail and nothing is renewed until it is healed. */
  cut(): void;
  heal(): void;
}

/** What the suite needs to know about an engine. */
export interface RegistryHarness {
  /** The lease time of what `open` opens, ms. */
  readonly ttlMs: number;
  /** Opens one more party; those opened in one test see each other. */
  open(): Promise<Party>;
}

/** Waits for `ms` and checks all the while. */
export const throughout = async (ms: number, check: () => void): Promise<void> => {
  const end = performance.now() + ms;
  while (performance.now() < end) {
    check();
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
};

const ids = (members: readonly Member[] | undefined): string[] => (members ?? []).map((member) => member.id).sort();

/** What every registry engine must do. */
export const registryContract = (name: string, { ttlMs, open: openParty }: RegistryHarness): void => {
  describe(`registry contract: ${name}`, () => {
    const parties: Party[] = [];
    const open = async (): Promise<Party> => {
      const party = await openParty();
      parties.push(party);
      return party;
    };
    afterEach(async () => {
      for (const party of parties) party.heal();
      await Promise.all(parties.splice(0).map((party) => party.registry.close()));
    });

    test("a watcher hears of all members at once and of every change after", async () => {
      const [a, b] = [await open(), await open()];
      const service = fresh("service");
      const ann = await a.registry.register(service, "ann", { addresses: { grpc: "host:1" }, slot: 5 });
      let seen: readonly Member[] | undefined;
      const watch = await b.registry.watch(service, (members) => {
        seen = members;
      });
      expect(seen).toEqual([{ id: "ann", addresses: { grpc: "host:1" }, slot: 5 }]);
      const bob = await b.registry.register(service, "bob", { addresses: {}, load: 3 });
      await eventually(() => expect(ids(seen)).toEqual(["ann", "bob"]));
      await ann.update({ addresses: { grpc: "host:2" }, draining: true });
      await eventually(() => expect(seen).toContainEqual({ id: "ann", addresses: { grpc: "host:2" }, draining: true }));
      await ann.close();
      await ann.close();
      await ann.update({ addresses: {} });
      await eventually(() => expect(ids(seen)).toEqual(["bob"]));
      await watch.close();
      await bob.close();
      expect(ids(seen)).toEqual(["bob"]);
    });

    test("all that a member says of itself arrives", async () => {
      const [a, b] = [await open(), await open()];
      const service = fresh("service");
      const info = { addresses: { ws: "ws://host:1/ws" }, slot: 1023, load: 3, draining: false, since: 1_760_000_000_000 };
      await a.registry.register(service, "ann", info);
      let seen: readonly Member[] | undefined;
      await b.registry.watch(service, (members) => {
        seen = members;
      });
      expect(seen).toEqual([{ id: "ann", ...info }]);
    });

    test("services do not see each other's members; a watcher that throws harms nobody", async () => {
      const { registry } = await open();
      const [one, two] = [fresh("one"), fresh("two")];
      let seen: readonly Member[] | undefined;
      await registry.watch(one, () => {
        throw new Error("a bad watcher");
      });
      await registry.watch(one, (members) => {
        seen = members;
      });
      expect(seen).toEqual([]);
      await registry.register(two, "x", { addresses: {} });
      await registry.register(`${one}-longer`, "y", { addresses: {} });
      await registry.register(one, "z", { addresses: {} });
      await eventually(() => expect(ids(seen)).toEqual(["z"]));
    });

    test("what a closed registry has registered, leased and locked is free at once", async () => {
      const [a, b] = [await open(), await open()];
      const service = fresh("service");
      let seen: readonly Member[] | undefined;
      await b.registry.watch(service, (members) => {
        seen = members;
      });
      await a.registry.register(service, "ann", { addresses: {} });
      const slot = await a.registry.leaseSlot("ann");
      const lock = await a.registry.lock(service, "ann");
      expect([slot.valid, lock?.valid]).toEqual([true, true]);
      await eventually(() => expect(ids(seen)).toEqual(["ann"]));
      await a.registry.close();
      await a.registry.close();
      expect([slot.valid, lock?.valid, lock?.signal.aborted]).toEqual([false, false, true]);
      await eventually(() => expect(ids(seen)).toEqual([]), ttlMs / 2);
      expect(await b.registry.lock(service, "bob")).toMatchObject({ valid: true });
    });

    test("what a process has registered goes when it is cut off, and comes back with it", async () => {
      const [a, b] = [await open(), await open()];
      const service = fresh("service");
      let seen: readonly Member[] | undefined;
      await b.registry.watch(service, (members) => {
        seen = members;
      });
      await a.registry.register(service, "ann", { addresses: { ws: "x" } });
      await eventually(() => expect(ids(seen)).toEqual(["ann"]));
      a.cut();
      await eventually(() => expect(ids(seen)).toEqual([]), ttlMs * 4);
      a.heal();
      await eventually(() => expect(seen).toEqual([{ id: "ann", addresses: { ws: "x" } }]));
    });

    test("who is cut off keeps the members it knew and catches up after", async () => {
      const [a, b] = [await open(), await open()];
      const service = fresh("service");
      const seen: string[][] = [];
      await a.registry.watch(service, (members) => seen.push(ids(members)));
      await b.registry.register(service, "bob", { addresses: {} });
      await eventually(() => expect(seen.at(-1)).toEqual(["bob"]));
      a.cut();
      const joined = b.registry.register(service, "cat", { addresses: {} });
      await throughout(ttlMs * 2, () => expect(seen.at(-1)).toContain("bob"));
      await joined;
      a.heal();
      await eventually(() => expect(seen.at(-1)).toEqual(["bob", "cat"]));
      expect(seen.slice(1).every((members) => members.includes("bob"))).toBe(true);
    });

    test("slots are different, in range, and have time reserved", async () => {
      const [a, b] = [await open(), await open()];
      const leases = await Promise.all(Array.from({ length: 12 }, (_, i) => (i % 2 ? a : b).registry.leaseSlot(`owner ${i}`)));
      expect(new Set(leases.map((lease) => lease.slot)).size).toBe(12);
      for (const lease of leases) {
        expect(lease.slot).toBeGreaterThanOrEqual(0);
        expect(lease.slot).toBeLessThan(SLOTS);
        expect(lease.valid).toBe(true);
        expect(lease.reservedUntil).toBeGreaterThan(Date.now() + 10_000);
        await lease.close();
        await lease.close();
        expect(lease.valid).toBe(false);
      }
    });

    test("a slot whose reserved time still runs is not given to the next", async () => {
      const { registry } = await open();
      const used = new Set<number>();
      for (let i = 0; i < 40; i++) {
        const lease = await registry.leaseSlot("owner");
        expect(lease.reservedUntil).toBeGreaterThan(0);
        expect(used).not.toContain(lease.slot);
        used.add(lease.slot);
        await lease.close();
      }
    });

    test("a slot's holder that was cut off for longer than its lease is not valid, then has the same slot again", async () => {
      const a = await open();
      const lease = await a.registry.leaseSlot("ann");
      let lost = 0;
      lease.onLost(() => lost++);
      a.cut();
      await eventually(() => expect(lease.valid).toBe(false), ttlMs + 1_000);
      const before = lease.reservedUntil;
      await new Promise((resolve) => setTimeout(resolve, ttlMs / 2));
      expect(lease.valid).toBe(false);
      expect(lease.reservedUntil).toBe(before);
      a.heal();
      await eventually(() => expect(lease.valid).toBe(true));
      expect(lost).toBe(0);
    });

    test("of two lockers one has it, and tokens rise with every grant", async () => {
      const [a, b] = [await open(), await open()];
      const lockName = fresh("lock");
      let last = 0;
      for (let i = 0; i < 10; i++) {
        const both = await Promise.all([a.registry.lock(lockName, "ann"), b.registry.lock(lockName, "bob")]);
        const won = both.filter((lock) => lock !== undefined);
        expect(won.length).toBe(1);
        const [lock] = won as [Lock];
        expect(lock.valid).toBe(true);
        expect(Number.isSafeInteger(lock.token)).toBe(true);
        expect(lock.token).toBeGreaterThan(last);
        last = lock.token;
        await lock.close();
        await lock.close();
        expect([lock.valid, lock.signal.aborted]).toEqual([false, true]);
      }
      const [one, two] = [await a.registry.lock(lockName, "ann"), await a.registry.lock(lockName, "ann")];
      expect(one?.valid).toBe(true);
      expect(two).toBeUndefined();
    });

    test("a holder that sleeps past its lease loses the lock before anybody else gets it, and does not get it back", async () => {
      const [a, b] = [await open(), await open()];
      const lockName = fresh("lock");
      const first = (await a.registry.lock(lockName, "ann")) as Lock;
      const abort = new Promise<void>((resolve) => first.signal.addEventListener("abort", () => resolve()));
      a.cut();
      let second: Lock | undefined;
      await eventually(async () => {
        second = await b.registry.lock(lockName, "bob");
        expect([first.valid, second?.valid]).not.toEqual([true, true]);
        expect(second).toBeDefined();
      }, ttlMs * 4);
      expect(first.valid).toBe(false);
      await abort;
      expect(second?.token).toBeGreaterThan(first.token);
      a.heal();
      await throughout(ttlMs, () => expect([first.valid, second?.valid]).toEqual([false, true]));
      await first.close();
      expect(second?.valid).toBe(true);
    });

    test("with connections that come and go there are never two valid holders of a lock", async () => {
      const both = [await open(), await open()] as const;
      const lockName = fresh("lock");
      const locks: Lock[] = [];
      let grants = 0;
      let done = false;
      const work = async (party: Party): Promise<void> => {
        while (!done) {
          const lock = await party.registry.lock(lockName, "owner").catch(() => undefined);
          if (lock) {
            grants++;
            locks.push(lock);
            await Promise.race([
              new Promise((resolve) => setTimeout(resolve, 50)),
              new Promise((resolve) => lock.signal.addEventListener("abort", resolve)),
            ]);
            // Every second one is held until it is lost.
            if (grants % 2 === 0) await lock.close();
            else while (lock.valid && !done) await new Promise((resolve) => setTimeout(resolve, 10));
          } else await new Promise((resolve) => setTimeout(resolve, 20));
        }
      };
      const working = both.map(work);
      for (let round = 0; round < 4; round++) {
        const party = both[round % 2] as Party;
        party.cut();
        await throughout(ttlMs * 1.5, () => expect(locks.filter((lock) => lock.valid).length).toBeLessThan(2));
        party.heal();
      }
      done = true;
      await Promise.all(working);
      expect(grants).toBeGreaterThan(2);
      const tokens = locks.map((lock) => lock.token);
      expect(tokens).toEqual([...tokens].sort((a, b) => a - b));
      expect(new Set(tokens).size).toBe(tokens.length);
    });

    test("leases are renewed for as long as their holder lives", async () => {
      const { registry } = await open();
      const service = fresh("service");
      const slot = await registry.leaseSlot("ann");
      const lock = (await registry.lock(fresh("lock"), "ann")) as Lock;
      await registry.register(service, "ann", { addresses: {} });
      const seen: string[][] = [];
      await registry.watch(service, (members) => seen.push(ids(members)));
      await throughout(ttlMs * 2.5, () => expect([slot.valid, lock.valid, seen.at(-1)]).toEqual([true, true, ["ann"]]));
      expect(lock.signal.aborted).toBe(false);
    });

    test("while cut off every call is refused with UNAVAILABLE, within 2 s", async () => {
      const party = await open();
      const { registry } = party;
      await registry.ping();
      const lease: SlotLease = await registry.leaseSlot("ann");
      party.cut();
      const start = performance.now();
      const calls = [
        registry.ping(),
        registry.leaseSlot("x"),
        registry.lock(fresh("lock"), "x"),
        registry.register(fresh("service"), "x", { addresses: {} }),
        registry.watch(fresh("service"), () => {}),
      ];
      for (const result of await Promise.allSettled(calls)) {
        expect(result).toMatchObject({ status: "rejected", reason: { code: "UNAVAILABLE" } });
      }
      expect(performance.now() - start).toBeLessThan(2_500);
      party.heal();
      await eventually(() => registry.ping());
      await lease.close();
    });

    test("a closed registry refuses with UNAVAILABLE", async () => {
      const { registry } = await open();
      await registry.close();
      const calls = [registry.ping(), registry.leaseSlot("x"), registry.lock("x", "x"), registry.register("x", "x", { addresses: {} })];
      for (const result of await Promise.allSettled(calls)) {
        expect(result).toMatchObject({ status: "rejected", reason: { code: "UNAVAILABLE" } });
      }
    });
  });
};
