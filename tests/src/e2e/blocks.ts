import { afterEach, describe, expect, test } from "vitest";
import { eventually } from "../support/eventually.js";
import { People, type Person } from "../support/person.js";
import type { System } from "../support/system.js";

const REFUSED = { status: 403, code: 860 };

/** What a block keeps away, in both directions, and who learns of it. */
export const blockScenarios = (system: () => System): void => {
  describe("blocks", () => {
    const people = new People(system);
    afterEach(() => people.leave());

    const pair = async (): Promise<[Person, Person]> => Promise.all([people.online("ann"), people.online("bob")]);
    const send = (from: Person, to: Person, words: string) => from.client.messages.sendText(to.id, words);
    /** Another apisvc may not know of the change for some seconds; what it lets pass ingest rejects. */
    const refused = (from: Person, to: Person) =>
      eventually("a refusal", async () => {
        const answer = await send(from, to, "after the block").then(
          () => undefined,
          (error: unknown) => error,
        );
        return answer !== undefined && { answer };
      });

    test("messages are refused both ways with one code, and arrive again afterwards", async () => {
      const [ann, bob] = await pair();
      const { conversation_id } = await send(bob, ann, "before");
      await ann.shows(conversation_id, ["before"]);
      await ann.client.blocks.add(bob.id);
      for (const [from, to] of [
        [bob, ann],
        [ann, bob],
      ] as const) {
        expect((await refused(from, to)).answer).toMatchObject(REFUSED);
        const batch = await from.client.messages.sendBatch([{ to: to.id, payload: { msg_type: "text", text: "in a batch" } }]);
        expect(batch[0]).toMatchObject({ ok: false, error: { code: 860 } });
      }
      // What was said stays readable for both.
      expect((await bob.client.dialogs.history(ann.id)).items.map((m) => m.payload["text"])).toEqual(["before"]);
      await ann.client.blocks.remove(bob.id);
      await send(bob, ann, "again");
      await send(ann, bob, "and back");
      await ann.shows(conversation_id, ["before", "again", "and back"]);
    });

    test("one's other devices follow; the other user is told nothing", async () => {
      const [ann, bob] = await pair();
      const phone = people.add(await ann.device());
      await phone.connect();
      const before = bob.client.state.pts;
      await ann.client.blocks.add(bob.id);
      await ann.client.blocks.add(bob.id);
      const update = await phone.update("BLOCK", (u) => u.type === "BLOCK");
      expect(update).toMatchObject({ user_id: bob.id, blocked: true });
      await ann.client.blocks.remove(bob.id);
      await phone.update("the end of it", (u) => u.type === "BLOCK" && u["blocked"] === false);
      await send(ann, bob, "hello");
      await eventually("the message at bob", () => bob.messages.length === 1);
      expect(bob.client.state.pts).toBe((before ?? 0) + 1);
      expect(phone.updates.filter((u) => u.type === "BLOCK")).toHaveLength(2);
    });

    test("the list is one's own, and pages", async () => {
      const [ann, bob] = await pair();
      const cem = await people.registered("cem");
      for (const person of [bob, cem]) await ann.client.blocks.add(person.id);
      const first = await ann.client.blocks.list({ limit: 1 });
      const second = await ann.client.blocks.list({ limit: 1, cursor: first.next_cursor as string });
      const ids = [...first.items, ...second.items].map((block) => block.user_id);
      expect([ids, second.next_cursor]).toEqual([[bob.id, cem.id].sort(), null]);
      expect((await bob.client.blocks.list()).items).toEqual([]);
      await ann.client.blocks.remove(bob.id);
      expect(await ann.client.blocks.list()).toMatchObject({ items: [{ user_id: cem.id, nickname: "cem" }], next_cursor: null });
    });

    test("neither can bring the other into a group; a group both are in goes on", async () => {
      const [ann, bob] = await pair();
      const shared = await ann.client.groups.create("shared", [bob.id]);
      await ann.client.blocks.add(bob.id);
      for (const [from, to] of [
        [ann, bob],
        [bob, ann],
      ] as const) {
        await expect(from.client.groups.create("no", [to.id])).rejects.toMatchObject({ status: 403, code: 861 });
        const own = await from.client.groups.create("own", []);
        await expect(from.client.groups.add(own.id, [to.id])).rejects.toMatchObject({ status: 403, code: 861 });
      }
      await bob.client.messages.sendText(shared.id, "to all");
      await ann.shows(shared.id, ["to all"]);
    });

    test("a block ends read receipts, not one's own read position", async () => {
      const [ann, bob] = await pair();
      const { conversation_id } = await send(bob, ann, "read me");
      await ann.shows(conversation_id, ["read me"]);
      await ann.client.blocks.add(bob.id);
      await ann.client.dialogs.read(bob.id, 1);
      expect((await ann.client.dialogs.get(bob.id)).unread).toBe(0);
      await ann.client.blocks.remove(bob.id);
      await send(bob, ann, "next");
      await ann.shows(conversation_id, ["read me", "next"]);
      await eventually("both messages at bob", () => bob.messages.length === 2);
      expect(bob.updates.filter((u) => u.type === "READ")).toEqual([]);
    });

    test("oneself and nobody cannot be blocked", async () => {
      const ann = await people.registered("ann");
      await expect(ann.client.blocks.add(ann.id)).rejects.toMatchObject({ status: 400 });
      await expect(ann.client.blocks.add(`U${"x".repeat(14)}`)).rejects.toMatchObject({ status: 404, code: 803 });
      await expect(ann.client.blocks.add("bob")).rejects.toMatchObject({ status: 400 });
    });
  });
};
