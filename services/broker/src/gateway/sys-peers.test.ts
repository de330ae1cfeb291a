import { AppError } from "@dunlin/runtime";
import { expect, test } from "vitest";
import { type Outcome, Peers } from "./sys-peers.js";

/** A service whose instances take as long as they are told; time passes only by asking them. */
class Service {
  now = 0;
  /** address → ms an answer takes; undefined: refuses connections. */
  readonly takes = new Map<string, number | undefined>();
  asked: string[] = [];
  readonly closed: string[] = [];
  readonly peers = new Peers<string>({
    open: (address) => address,
    close: (address) => this.closed.push(address),
    clock: { monotonic: () => this.now },
  });

  know(...addresses: string[]): this {
    this.peers.set(new Map(addresses.map((address) => [address, false])));
    return this;
  }

  readonly #work = async (address: string, budgetMs: number): Promise<Outcome<string>> => {
    this.asked.push(address);
    const takes = this.takes.get(address);
    if (takes === undefined) return { kind: "fault", error: new AppError("UNAVAILABLE") };
    this.now += Math.min(takes, budgetMs);
    return takes <= budgetMs ? { kind: "answer", response: address } : { kind: "slow", error: new AppError("TIMEOUT") };
  };

  async ask(): Promise<string> {
    return await this.peers.ask(this.#work).catch((error: AppError) => error.code);
  }
}

test("an instance that always needs three seconds is waited for in the end", async () => {
  const service = new Service().know("a");
  service.takes.set("a", 3_000);
  expect(await service.ask()).toBe("TIMEOUT");
  expect(service.now).toBe(2_000);
  expect(await service.ask()).toBe("a");
  expect(await service.ask()).toBe("a");
});

test("when all are slow, the last one asked gets the time it needs", async () => {
  const service = new Service().know("a", "b");
  service.takes.set("a", 2_500).set("b", 2_500);
  const answers: string[] = [];
  for (let i = 0; i < 6; i++) {
    answers.push(await service.ask());
    service.now += 300;
  }
  expect(answers.slice(2)).not.toContain("TIMEOUT");
});

test("a stopped instance costs a second, then nothing while the other answers", async () => {
  const service = new Service().know("a", "b");
  service.takes.set("a", Number.POSITIVE_INFINITY).set("b", 1);
  const before = service.now;
  for (let i = 0; i < 20; i++) expect(await service.ask()).toBe("b");
  expect(service.now - before).toBeLessThan(5_100);
});

test("the only one that is willing gets a whole deadline, though others are known", async () => {
  const service = new Service().know("a", "b");
  service.takes.set("a", undefined).set("b", 1);
  for (let i = 0; i < 10; i++) await service.ask();
  service.takes.set("b", 1_500);
  service.asked = [];
  expect(await service.ask()).toBe("b");
  expect(service.asked).toEqual(["b"]);
});

test("after a long time without any answer, it is asked again within two seconds of being back", async () => {
  const service = new Service().know("a");
  for (let i = 0; i < 600; i++) {
    await service.ask();
    service.now += 100;
  }
  service.takes.set("a", 1);
  const back = service.now;
  while ((await service.ask()) !== "a") service.now += 10;
  expect(service.now - back).toBeLessThanOrEqual(2_001);
});

test("many calls that fail in one stall do not shut it for longer than one call would", async () => {
  const service = new Service().know("a");
  // All of them begin before any of them fails.
  const stalled = new Promise<void>((resolve) => setImmediate(resolve));
  const calls = Array.from({ length: 64 }, () =>
    service.peers
      .ask<string>(async () => {
        await stalled;
        service.now = 2_000;
        return { kind: "slow", error: new AppError("TIMEOUT") };
      })
      .catch((error: AppError) => error.code),
  );
  expect(new Set(await Promise.all(calls))).toEqual(new Set(["TIMEOUT"]));
  service.takes.set("a", 1);
  service.now += 250;
  expect(await service.ask()).toBe("a");
});

test("a registry that has lost sight of all of them leaves the last known in place", async () => {
  const service = new Service().know("a").know();
  service.takes.set("a", 1);
  expect(await service.ask()).toBe("a");
  expect(service.closed).toEqual([]);
  service.know("b");
  expect(service.closed).toEqual(["a"]);
});

test("one that drains is asked only when there is no other", async () => {
  const service = new Service();
  service.takes.set("a", 1).set("b", 1);
  service.peers.set(
    new Map([
      ["a", true],
      ["b", false],
    ]),
  );
  for (let i = 0; i < 4; i++) expect(await service.ask()).toBe("b");
  service.peers.set(new Map([["a", true]]));
  expect(await service.ask()).toBe("a");
});

test("what one instance refuses is not asked of another", async () => {
  const service = new Service().know("a", "b");
  const refusing = service.peers.ask<string>(async (address) => {
    service.asked.push(address);
    return { kind: "refusal", error: new AppError("NOT_FOUND") };
  });
  await expect(refusing).rejects.toMatchObject({ code: "NOT_FOUND" });
  expect(service.asked).toHaveLength(1);
});
