import type { TypingSignal } from "@dunlin/client";
import { newId } from "@dunlin/domain";
import { afterEach, describe, expect, test } from "vitest";
import { eventually } from "../support/eventually.js";
import { People, type Person } from "../support/person.js";
import type { System } from "../support/system.js";

/** That somebody writes: told to who is there, now and then, and kept nowhere. */
export const typingScenarios = (system: () => System): void => {
  describe("typing", () => {
    const people = new People(system);
    afterEach(() => people.leave());

    const heardBy = (person: Person): TypingSignal[] => {
      const heard: TypingSignal[] = [];
      person.client.on("typing", (signal) => heard.push(signal));
      return heard;
    };

    test("the peer's devices are told, one's own are not; once in three seconds, and nothing is stored", async () => {
      const [ann, bob] = await Promise.all([people.online("ann"), people.online("bob")]);
      const phone = people.add(await bob.device());
      await phone.connect();
      const [own, desk, pocket] = [heardBy(ann), heardBy(bob), heardBy(phone)];
      for (let i = 0; i < 5; i++) await ann.client.dialogs.typing(bob.id);
      // Whatever came after it came after all of those.
      await bob.client.dialogs.typing(ann.id);
      await eventually("typing both ways", () => own.length > 0 && desk.length > 0 && pocket.length > 0);
      const { conversation_id } = await ann.client.messages.sendText(bob.id, "there");
      for (const device of [ann, bob, phone]) await device.shows(conversation_id, ["there"]);
      const signal = { type: "TYPING", conversation_id, peer: ann.id, from: ann.id };
      expect([desk, pocket]).toEqual([[signal], [signal]]);
      expect(own).toEqual([{ type: "TYPING", conversation_id, peer: bob.id, from: bob.id }]);
      expect((await bob.client.updates.difference(0)).updates.map((u) => u.type)).toEqual(["C2C"]);
    });

    test("the other members of a group are told; refused: who is no member, who is blocked, an unknown peer", async () => {
      const [ann, bob, cem, dan] = await Promise.all(["ann", "bob", "cem", "dan"].map((name) => people.online(name)));
      if (!ann || !bob || !cem || !dan) throw new Error("nobody there");
      const group = await ann.client.groups.create("tea", [bob.id, cem.id]);
      const heard = [bob, cem].map(heardBy);
      const [own, stranger] = [heardBy(ann), heardBy(dan)];
      await ann.client.dialogs.typing(group.id);
      await eventually("both are told", () => heard.every((list) => list.length > 0));
      expect(heard[0]).toEqual([{ type: "TYPING", conversation_id: group.id, peer: group.id, from: ann.id }]);
      expect([own, stranger]).toEqual([[], []]);
      await expect(dan.client.dialogs.typing(group.id)).rejects.toMatchObject({ status: 403, code: 804 });
      await ann.client.blocks.add(dan.id);
      await expect(dan.client.dialogs.typing(ann.id)).rejects.toMatchObject({ status: 403 });
      await expect(dan.client.dialogs.typing(newId("U"))).rejects.toMatchObject({ status: 404, code: 803 });
    });
  });
};
