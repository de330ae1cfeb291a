import { afterEach, describe, expect, test } from "vitest";
import { eventually } from "../support/eventually.js";
import { People, type Person } from "../support/person.js";
import type { System } from "../support/system.js";

const GROUP_SIZE = 20;
const numbered = (name: string, count: number): string[] => Array.from({ length: count }, (_, i) => `${name} ${i + 1}`);

/** Two people, a group, a second device: everybody is shown everything, once and in one order. */
export const conversationScenarios = (system: () => System): void => {
  describe("conversations", () => {
    const people = new People(system);
    afterEach(() => people.leave());

    test("two people: messages both ways, in order, numbered without a gap", async () => {
      const [ann, bob] = await Promise.all([people.online("ann"), people.online("bob")]);
      const said: string[] = [];
      let conversation = "";
      for (let i = 1; i <= 5; i++) {
        for (const [from, to] of [
          [ann, bob],
          [bob, ann],
        ] as const) {
          const text = `${from.account} ${i}`;
          conversation = (await from.client.messages.sendText(to.id, text)).conversation_id;
          said.push(text);
          await to.shows(conversation, said);
        }
      }
      for (const person of [ann, bob]) {
        const shown = await person.shows(conversation, said);
        expect(shown.map((m) => m.seq)).toEqual(said.map((_, i) => i + 1));
        const { items } = await person.client.dialogs.history(person === ann ? bob.id : ann.id, { limit: 50 });
        expect(items.map((m) => m.id)).toEqual(shown.map((m) => m.id));
        expect(person.reloads).toHaveLength(1);
      }
    });

    test("one sender's order is kept in a burst and in a batch", async () => {
      const [ann, bob] = await Promise.all([people.online("ann"), people.online("bob")]);
      const texts = numbered("n", 60);
      const messages = texts.map((text) => ({ to: bob.id, payload: { msg_type: "text", text } }));
      const results = [
        ...(await ann.client.messages.sendBatch(messages.slice(0, 30))),
        ...(await ann.client.messages.sendBatch(messages.slice(30))),
      ];
      const [first] = results;
      if (!first?.ok) throw new Error("the first send was refused");
      expect(results.every((r) => r.ok)).toBe(true);
      await bob.shows(first.accepted.conversation_id, texts);
      await ann.shows(first.accepted.conversation_id, texts);
    });

    test("every character arrives as it was sent", async () => {
      const [ann, bob] = await Promise.all([people.online("ann"), people.online("bob")]);
      const text = 'Grüße, "你好" \\ 👩‍👩‍👧 \u2028 \u0001 ́e <b>&amp;</b> \n';
      const { conversation_id } = await ann.client.messages.sendText(bob.id, text);
      await bob.shows(conversation_id, [text]);
    });

    test(`a group of ${GROUP_SIZE}: all members see one order`, async () => {
      const names = numbered("m", GROUP_SIZE).map((name) => name.replace(" ", ""));
      const members: Person[] = await Promise.all(names.map((name) => people.online(name)));
      const [owner] = members as [Person, ...Person[]];
      const group = await owner.client.groups.create(
        "flock",
        members.slice(1).map((m) => m.id),
      );
      await Promise.all(members.map((m) => m.update("MEMBER", (u) => u.type === "MEMBER" && u["peer"] === group.id)));
      // Everybody talks at once.
      await Promise.all(
        members.map(async (m) => {
          for (let i = 1; i <= 3; i++) await m.client.messages.sendText(group.id, `${m.account} ${i}`);
        }),
      );
      const stored = await eventually("all of it in the history", async () => {
        const { items } = await owner.client.dialogs.history(group.id, { limit: 100 });
        return items.length === GROUP_SIZE * 3 && items;
      });
      const shown = await owner.shows(
        group.id,
        stored.map((m) => String(m.payload["text"])),
      );
      expect(shown.map((m) => m.seq)).toEqual(shown.map((_, i) => i + 1));
      const order = shown.map((m) => String(m.payload["text"]));
      await Promise.all(members.map((m) => m.shows(group.id, order)));
      for (const m of members) {
        expect(order.filter((text) => text.startsWith(`${m.account} `))).toEqual(numbered(m.account, 3));
      }
    });

    test("one's own second device sees what the first one sends", async () => {
      const [ann, bob] = await Promise.all([people.online("ann"), people.online("bob")]);
      const phone = people.add(await ann.device());
      await phone.connect();
      const { conversation_id } = await ann.client.messages.sendText(bob.id, "from the desk");
      for (const device of [ann, phone, bob]) await device.shows(conversation_id, ["from the desk"]);
      await phone.client.messages.sendText(bob.id, "from the phone");
      for (const device of [ann, phone, bob]) await device.shows(conversation_id, ["from the desk", "from the phone"]);
      expect(phone.messages.at(-1)?.from).toBe(ann.id);
      // Both devices follow one log.
      expect(phone.client.state.pts).toBe(ann.client.state.pts);
    });
  });
};
