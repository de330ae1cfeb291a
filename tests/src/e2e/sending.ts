import { newClientMsgId } from "@dunlin/client";
import { afterEach, describe, expect, test } from "vitest";
import { People } from "../support/person.js";
import type { System } from "../support/system.js";

const text = (words: string) => ({ msg_type: "text", text: words });

/** The same client_msg_id again, and sends that must not arrive. */
export const sendingScenarios = (system: () => System): void => {
  describe("sending", () => {
    const people = new People(system);
    afterEach(() => people.leave());

    test("the same client_msg_id with the same message: one message, one id, through any apisvc", async () => {
      const [ann, bob] = await Promise.all([people.online("ann"), people.online("bob")]);
      const message = { to: bob.id, client_msg_id: newClientMsgId(), payload: text("once") };
      const other = people.add(await ann.device());
      const first = await ann.client.messages.send(message);
      const again = await Promise.all([ann.client.messages.send(message), other.client.messages.send(message)]);
      await bob.shows(first.conversation_id, ["once"]);
      // Also when it is stored, and by way of a batch.
      again.push(await other.client.messages.send(message));
      const [batched] = await ann.client.messages.sendBatch([message]);
      if (!batched?.ok) throw new Error("the batch was refused");
      again.push(batched.accepted);
      expect(again.map((a) => a.id)).toEqual(again.map(() => first.id));
      await ann.client.messages.sendText(bob.id, "next");
      const shown = await bob.shows(first.conversation_id, ["once", "next"]);
      expect(shown.map((m) => m.seq)).toEqual([1, 2]);
    });

    test("the same client_msg_id with another message is refused", async () => {
      const [ann, bob] = await Promise.all([people.online("ann"), people.online("bob")]);
      const client_msg_id = newClientMsgId();
      const first = await ann.client.messages.send({ to: bob.id, client_msg_id, payload: text("one") });
      const other = people.add(await ann.device());
      for (const device of [ann, other]) {
        await expect(device.client.messages.send({ to: bob.id, client_msg_id, payload: text("two") })).rejects.toMatchObject({
          status: 409,
          code: 801,
        });
      }
      await bob.shows(first.conversation_id, ["one"]);
      await expect(ann.client.messages.send({ to: bob.id, client_msg_id, payload: text("two") })).rejects.toMatchObject({ code: 801 });
      // Another sender's ids are his own.
      await bob.client.messages.send({ to: ann.id, client_msg_id, payload: text("mine") });
      await ann.shows(first.conversation_id, ["one", "mine"]);
    });

    test("each part of a batch has its own result", async () => {
      const [ann, bob] = await Promise.all([people.online("ann"), people.online("bob")]);
      const nobody = `U${"1".repeat(14)}`;
      const results = await ann.client.messages.sendBatch([
        { to: bob.id, payload: text("a") },
        { to: nobody, payload: text("b") },
        { to: bob.id, payload: text("c") },
      ]);
      expect(results.map((r) => (r.ok ? "ok" : r.error.code))).toEqual(["ok", 803, "ok"]);
      const conversation = results[0]?.ok ? results[0].accepted.conversation_id : "";
      await bob.shows(conversation, ["a", "c"]);
    });

    test("after leaving a group nothing goes in: refused at the door, or rejected in the log; never lost silently", async () => {
      const [ann, bob] = await Promise.all([people.online("ann"), people.online("bob")]);
      const group = await ann.client.groups.create("tea", [bob.id]);
      const accepted: { id: string; words: string }[] = [];
      const rejects = () => bob.updates.filter((u) => u.type === "REJECT");
      // A send that is accepted while the leave is on its way meets its rejection behind it in the log; it takes some tries to hit that moment.
      for (let round = 0; round < 40 && rejects().length === 0; round++) {
        const words = `round ${round}`;
        const send = async () => {
          try {
            accepted.push({ id: (await bob.client.messages.sendText(group.id, words)).id, words });
          } catch (error) {
            expect(error).toMatchObject({ status: 403, code: 804 });
          }
        };
        await Promise.all([bob.client.groups.leave(group.id), send(), send()]);
        await bob.update("MEMBER left", (u) => u.type === "MEMBER" && u["action"] === "left" && u.pts > bob.updates.length - 10);
        await expect(bob.client.messages.sendText(group.id, "too late")).rejects.toMatchObject({ status: 403, code: 804 });
        await ann.client.groups.add(group.id, [bob.id]);
      }
      expect(rejects().length).toBeGreaterThan(0);
      for (const reject of rejects()) {
        expect(reject).toMatchObject({ conversation_id: group.id, code: 804 });
        expect(accepted.map((a) => a.id)).toContain(reject["id"]);
      }
      // Every accepted one came to exactly one end.
      const rejected = new Set(rejects().map((u) => u["id"]));
      await ann.shows(
        group.id,
        accepted.filter((a) => !rejected.has(a.id)).map((a) => a.words),
      );
    });
  });
};
