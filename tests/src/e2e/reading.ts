import { afterEach, describe, expect, test } from "vitest";
import { eventually } from "../support/eventually.js";
import { People, type Person } from "../support/person.js";
import type { System } from "../support/system.js";

/** Read positions and unread counts: derived, never drifting. */
export const readingScenarios = (system: () => System): void => {
  describe("reading", () => {
    const people = new People(system);
    afterEach(() => people.leave());

    const unread = async (person: Person, peer: string): Promise<number> => {
      const dialog = await person.client.dialogs.get(peer);
      // What is stored and what the messages give are one number, at every step.
      expect(dialog.unread).toBe(await system().store.dialogs.recountUnread(person.id, peer));
      return dialog.unread;
    };

    test("unread counts what others wrote behind the read position, which never goes back", async () => {
      const [ann, bob] = await Promise.all([people.online("ann"), people.online("bob")]);
      let conversation = "";
      for (const words of ["1", "2", "3"]) conversation = (await ann.client.messages.sendText(bob.id, words)).conversation_id;
      await bob.shows(conversation, ["1", "2", "3"]);
      expect(await unread(bob, ann.id)).toBe(3);
      expect(await unread(ann, bob.id)).toBe(0);

      const reads: [seq: number, left: number][] = [
        [2, 1],
        [1, 1],
        [2, 1],
        [3, 0],
        [1, 0],
      ];
      for (const [seq, left] of reads) {
        await bob.client.dialogs.read(ann.id, seq);
        await eventually(`${left} unread after reading up to ${seq}`, async () => (await bob.client.dialogs.get(ann.id)).unread === left);
        expect(await unread(bob, ann.id)).toBe(left);
      }
      // One's own never count.
      await bob.client.messages.sendText(ann.id, "4");
      await ann.shows(conversation, ["1", "2", "3", "4"]);
      expect(await unread(bob, ann.id)).toBe(0);
      expect(await unread(ann, bob.id)).toBe(1);
    });

    test("one's other devices and the sender learn of a read", async () => {
      const [ann, bob] = await Promise.all([people.online("ann"), people.online("bob")]);
      const phone = people.add(await bob.device());
      await phone.connect();
      const { conversation_id } = await ann.client.messages.sendText(bob.id, "read me");
      await bob.shows(conversation_id, ["read me"]);
      await bob.client.dialogs.read(ann.id, 1);
      const own = await phone.update("READ", (u) => u.type === "READ");
      expect(own).toMatchObject({ user_id: bob.id, peer: ann.id, read_seq: 1, unread: 0 });
      const receipt = await ann.update("the receipt", (u) => u.type === "READ");
      expect(receipt).toMatchObject({ user_id: bob.id, peer: bob.id, read_seq: 1 });
    });

    test("a group: each member has an own count, and the newest dialog comes first", async () => {
      const [ann, bob, cem] = await Promise.all([people.online("ann"), people.online("bob"), people.online("cem")]);
      const group = await ann.client.groups.create("tea", [bob.id, cem.id]);
      await ann.client.messages.sendText(bob.id, "before");
      for (const words of ["1", "2"]) await ann.client.messages.sendText(group.id, words);
      await bob.client.messages.sendText(group.id, "3");
      await cem.shows(group.id, ["1", "2", "3"]);
      await bob.shows(group.id, ["1", "2", "3"]);
      expect([await unread(ann, group.id), await unread(bob, group.id), await unread(cem, group.id)]).toEqual([1, 2, 3]);
      const { items } = await bob.client.dialogs.list();
      expect(items.map((d) => [d.peer, d.unread])).toEqual([
        [group.id, 2],
        [ann.id, 1],
      ]);
      expect(items[0]).toMatchObject({ kind: "group", title: "tea", top_seq: 3, read_seq: 0 });
      expect(items[0]?.top_message?.payload).toEqual({ msg_type: "text", text: "3" });
    });
  });
};
