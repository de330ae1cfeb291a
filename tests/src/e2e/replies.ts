import type { DunlinError } from "@dunlin/client";
import { afterEach, describe, expect, test } from "vitest";
import { eventually } from "../support/eventually.js";
import { People, type Person } from "../support/person.js";
import type { System } from "../support/system.js";

const NO_SUCH = { status: 404, code: 865 };

const reply = (from: Person, to: string, replyTo: string): Promise<unknown> =>
  from.client.messages.send({ to, payload: { msg_type: "text", text: "indeed" }, reply_to: replyTo }).then(
    ({ id }) => id,
    (error: DunlinError) => error,
  );

/** Sends a text, and resolves when `shown` has it. */
const say = async (from: Person, to: string, shown: Person): Promise<string> => {
  const { id } = await from.client.messages.sendText(to, "so it is");
  await eventually(`${shown.account} has it`, () => shown.messages.some((message) => message.id === id));
  return id;
};

/** What a message answers is a message of the same conversation, and one that its sender can see. */
export const replyScenarios = (system: () => System): void => {
  describe("replies", () => {
    const people = new People(system);
    afterEach(() => people.leave());

    test("of two: to what either said, not to what was said elsewhere, to nobody, or deleted for oneself", async () => {
      const [ann, bob, cem] = await Promise.all([people.online("ann"), people.online("bob"), people.online("cem")]);
      const [asked, elsewhere] = [await say(ann, bob.id, bob), await say(ann, cem.id, cem)];
      const answer = await reply(bob, ann.id, asked);
      const arrived = await eventually("ann has the answer", () => ann.messages.find((message) => message.id === answer));
      expect(arrived.reply_to).toBe(asked);
      expect(await reply(ann, bob.id, arrived.id)).toEqual(expect.any(String));
      expect(await reply(bob, ann.id, elsewhere)).toMatchObject(NO_SUCH);
      expect(await reply(ann, bob.id, elsewhere)).toMatchObject(NO_SUCH);
      expect(await reply(ann, bob.id, "1")).toMatchObject(NO_SUCH);
      await bob.client.messages.deleteForMe(asked);
      expect(await reply(bob, ann.id, asked)).toMatchObject(NO_SUCH);
      expect(await reply(ann, bob.id, asked)).toEqual(expect.any(String));
    });

    test("what the store may not have yet is accepted; that it does not exist is told all the same", async () => {
      const [ann, bob] = await Promise.all([people.online("ann"), people.online("bob")]);
      const { id } = await ann.client.messages.sendText(bob.id, "wait");
      expect(await reply(ann, bob.id, id)).toEqual(expect.any(String));
      const invented = await reply(ann, bob.id, String(BigInt(id) + 1n));
      const reject = await ann.update("REJECT", (update) => update["id"] === invented);
      expect(reject).toMatchObject({ code: NO_SUCH.code, to: bob.id });
      await eventually("bob has both", () => bob.messages.length === 2);
      expect(bob.messages.map((message) => message.reply_to)).toEqual([undefined, id]);
    });

    test("in a group: not to what was said before one joined; in a supergroup too, and to what was said before it was one", async () => {
      const [ann, bob, cem] = await Promise.all([people.online("ann"), people.online("bob"), people.online("cem")]);
      const group = await ann.client.groups.create("tea", [bob.id]);
      const early = await say(ann, group.id, bob);
      await ann.client.groups.add(group.id, [cem.id]);
      const late = await say(ann, group.id, cem);
      expect(await reply(cem, group.id, early)).toMatchObject(NO_SUCH);
      expect(await reply(bob, group.id, early)).toEqual(expect.any(String));
      expect(await reply(cem, group.id, late)).toEqual(expect.any(String));
      const supergroup = await ann.client.groups.upgrade(group.id);
      expect(await reply(bob, supergroup, late)).toEqual(expect.any(String));
      expect(await reply(cem, supergroup, early)).toMatchObject(NO_SUCH);
      const elsewhere = await say(ann, bob.id, bob);
      expect(await reply(ann, supergroup, elsewhere)).toMatchObject(NO_SUCH);
      const { id: here } = await ann.client.messages.sendText(supergroup, "onwards");
      const answer = await reply(bob, supergroup, here);
      await eventually("it is there", async () => {
        const { items } = await ann.client.dialogs.history(supergroup, { limit: 10 });
        return items.find((message) => message.id === answer)?.reply_to === here;
      });
    });
  });
};
