import type { Update } from "@dunlin/client";
import { afterEach, describe, expect, test } from "vitest";
import { eventually } from "../support/eventually.js";
import { People, type Person } from "../support/person.js";
import type { System } from "../support/system.js";

/** The states of a contact that a device was told, in order. */
const told = (person: Person, peer: Person): unknown[] =>
  person.updates.filter((u) => u.type === "CONTACT" && u["user_id"] === peer.id).map((u) => u["state"]);

const state = (wanted: string) => (update: Update) => update.type === "CONTACT" && update["state"] === wanted;

/** Asking, answering, ending: both sides' devices follow. */
export const contactScenarios = (system: () => System): void => {
  describe("contacts", () => {
    const people = new People(system);
    afterEach(() => people.leave());

    const pair = (): Promise<[Person, Person]> => Promise.all([people.online("ann"), people.online("bob")]);
    const befriend = async (one: Person, other: Person): Promise<void> => {
      await one.client.contacts.request(other.id);
      await other.client.contacts.accept(one.id);
    };

    test("a request is seen by all devices of both, and accepted makes both contacts", async () => {
      const [ann, bob] = await pair();
      const phone = people.add(await bob.device());
      await phone.connect();
      expect(await ann.client.contacts.request(bob.id, "it's me")).toMatchObject({ user_id: bob.id, state: "outgoing", nickname: "bob" });
      // Again changes nothing.
      await ann.client.contacts.request(bob.id, "it's still me");
      expect(await phone.update("the request", state("incoming"))).toMatchObject({ user_id: ann.id, message: "it's me" });
      expect((await bob.client.contacts.requests()).items).toMatchObject([{ user_id: ann.id, message: "it's me", nickname: "ann" }]);
      expect((await ann.client.contacts.requests("outgoing")).items).toMatchObject([{ user_id: bob.id, state: "outgoing" }]);
      expect(await bob.client.contacts.accept(ann.id)).toMatchObject({ state: "contact" });
      expect(await bob.client.contacts.accept(ann.id)).toMatchObject({ state: "contact" });
      await ann.update("the contact", state("contact"));
      await phone.update("the contact", state("contact"));
      expect([told(ann, bob), told(phone, ann)]).toEqual([
        ["outgoing", "contact"],
        ["incoming", "contact"],
      ]);
      for (const [one, other] of [
        [ann, bob],
        [bob, ann],
      ] as const) {
        expect((await one.client.contacts.list()).items).toMatchObject([{ user_id: other.id, state: "contact" }]);
        expect((await one.client.contacts.requests()).items).toEqual([]);
      }
    });

    test("requests that cross make a contact", async () => {
      const [ann, bob] = await pair();
      const states = (await Promise.all([ann.client.contacts.request(bob.id), bob.client.contacts.request(ann.id)])).map((c) => c.state);
      expect(states).toContain("contact");
      for (const one of [ann, bob]) await one.update("the contact", state("contact"));
      expect((await ann.client.contacts.list()).items).toHaveLength(1);
    });

    test("refused, taken back, ended: then it is as before, for both", async () => {
      const [ann, bob] = await pair();
      const ends: ((asking: Person, asked: Person) => Promise<unknown>)[] = [
        (asking, asked) => asked.client.contacts.refuse(asking.id),
        (asking, asked) => asked.client.contacts.remove(asking.id),
      ];
      for (const [i, end] of ends.entries()) {
        const [asking, asked] = i === 0 ? [ann, bob] : [bob, ann];
        await asking.client.contacts.request(asked.id);
        await end(asking, asked);
        await end(asking, asked);
        await eventually("the end at both", () => [ann, bob].every((p) => told(p, p === ann ? bob : ann).length === 2 * (i + 1)));
        // Who was refused does not ask again at once.
        const again = await asking.call("POST", "/v1/contacts", { user_id: asked.id });
        expect([again.status, ((await again.json()) as { code: number }).code]).toEqual([429, 866]);
        expect(Number(again.headers.get("retry-after"))).toBeGreaterThan(86_000);
      }
      // Taken back is not refused; nor is what the other asks.
      const [cem, dan] = await pair();
      await cem.client.contacts.request(dan.id);
      await cem.client.contacts.remove(dan.id);
      await befriend(cem, dan);
      await cem.client.contacts.remove(dan.id);
      await dan.update("the end", (u) => state("none")(u) && told(dan, cem).length === 5);
      expect(told(cem, dan)).toEqual(["outgoing", "none", "outgoing", "contact", "none"]);
      for (const one of [cem, dan]) expect((await one.client.contacts.list()).items).toEqual([]);
      await expect(dan.client.contacts.accept(cem.id)).rejects.toMatchObject({ status: 404 });
    });

    test("a remark is one's own, on all devices, also for one that was away", async () => {
      const [ann, bob] = await pair();
      await befriend(ann, bob);
      await ann.disconnect();
      const tablet = people.add(await ann.device());
      await tablet.connect();
      await tablet.client.contacts.setRemark(bob.id, "Bobby 🐦");
      await tablet.update("the remark", (u) => u.type === "CONTACT" && u["remark"] === "Bobby 🐦");
      await ann.connect();
      await ann.update("the remark", (u) => u.type === "CONTACT" && u["remark"] === "Bobby 🐦");
      expect((await ann.client.contacts.list()).items).toMatchObject([{ user_id: bob.id, remark: "Bobby 🐦" }]);
      expect((await bob.client.contacts.list()).items).toMatchObject([{ user_id: ann.id, remark: "" }]);
      await expect(ann.client.contacts.setRemark(`U${"x".repeat(14)}`, "nobody")).rejects.toMatchObject({ status: 404 });
    });

    test("a block ends a request as a refusal does, and refuses others both ways; a contact outlives it", async () => {
      const [ann, bob] = await pair();
      await bob.client.contacts.request(ann.id);
      await ann.client.blocks.add(bob.id);
      await bob.update("the end", state("none"));
      expect(bob.updates.some((u) => u.type === "BLOCK")).toBe(false);
      for (const [one, other] of [
        [ann, bob],
        [bob, ann],
      ] as const) {
        await expect(one.client.contacts.request(other.id)).rejects.toMatchObject({ status: 403, code: 860 });
        expect((await one.client.contacts.requests()).items).toEqual([]);
      }
      await ann.client.blocks.remove(bob.id);
      await befriend(ann, bob);
      await ann.client.blocks.add(bob.id);
      expect((await bob.client.contacts.list()).items).toMatchObject([{ user_id: ann.id, state: "contact" }]);
    });

    test("the list pages; nobody and oneself are refused", async () => {
      const ann = await people.registered("ann");
      const others = await Promise.all(["bob", "cem", "dan"].map((name) => people.registered(name)));
      for (const other of others) await befriend(ann, other);
      const ids: string[] = [];
      for (let cursor: string | null | undefined; cursor !== null; ) {
        const page = await ann.client.contacts.list({ limit: 2, ...(cursor === undefined ? {} : { cursor }) });
        ids.push(...page.items.map((contact) => contact.user_id));
        cursor = page.next_cursor;
      }
      expect(ids).toEqual(others.map((other) => other.id).sort());
      await expect(ann.client.contacts.request(ann.id)).rejects.toMatchObject({ status: 400 });
      await expect(ann.client.contacts.request(`U${"x".repeat(14)}`)).rejects.toMatchObject({ status: 404, code: 803 });
      await expect(ann.client.contacts.request(others[0]?.id ?? "", "x".repeat(257))).rejects.toMatchObject({ status: 400 });
    });
  });
};
