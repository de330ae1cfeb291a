import type { Message } from "@dunlin/client";
import { afterEach, describe, expect, test } from "vitest";
import { eventually } from "../support/eventually.js";
import { People, type Person } from "../support/person.js";
import { pngFile } from "../support/pictures.js";
import type { System } from "../support/system.js";

const text = (words: string) => ({ msg_type: "text", text: words });

/** What people do to messages beside sending them, as other devices and other people see it. */
export const messageChangeScenarios = (system: () => System): void => {
  describe("changes of messages", () => {
    const people = new People(system);
    afterEach(() => people.leave());

    /** Ann, bob and cem in a group that is ann's. */
    const group = async () => {
      const [ann, bob, cem] = await Promise.all([people.online("ann"), people.online("bob"), people.online("cem")]);
      const { id } = await ann.client.groups.create("tea", [bob.id, cem.id]);
      return { ann, bob, cem, id };
    };

    const frame = (person: Person, type: string, id: string) => person.update(type, (u) => u.type === type && u["id"] === id);
    const inHistory = async (person: Person, peer: string, id: string): Promise<Message | undefined> =>
      (await person.client.dialogs.history(peer, { limit: 50 })).items.find((message) => message.id === id);

    const unread = async (person: Person, peer: string, expected: number): Promise<void> => {
      const dialog = await eventually(`${person.account} has ${expected} unread`, async () => {
        const found = await person.client.dialogs.get(peer);
        return found.unread === expected && found;
      });
      expect(await system().store.dialogs.recountUnread(person.id, peer)).toBe(dialog.unread);
    };

    test("every kind of payload arrives as it was sent; what is not one is refused", async () => {
      const [ann, bob] = await Promise.all([people.online("ann"), people.online("bob")]);
      const { id: file } = await ann.client.files.upload("a.png", pngFile(64, 48));
      const payloads = [
        { msg_type: "image", file_id: file, size: 1_000, width: 640, height: 480, thumbnail_id: file, caption: "☕" },
        { msg_type: "file", file_id: file, size: 0, name: "a b.pdf", type: "application/pdf" },
        { msg_type: "voice", file_id: file, size: 4_000, duration: 1_500, waveform: [0, 128, 255] },
        { msg_type: "video", file_id: file, size: 9_000, width: 1_920, height: 1_080, duration: 60_000 },
        { msg_type: "location", latitude: 52.52, longitude: -13.405, title: "Berlin" },
        { msg_type: "card", peer: bob.id, title: "Bob" },
        { msg_type: "custom", anything: [1, { goes: null }] },
      ];
      for (const payload of payloads) await ann.client.messages.send({ to: bob.id, payload });
      await eventually("all of them", () => bob.messages.length === payloads.length);
      expect(bob.messages.map((m) => m.payload)).toEqual(payloads);
      for (const payload of [
        { msg_type: "hologram" },
        { msg_type: "recalled" },
        { msg_type: "image", file_id: "F1", size: 1, width: 1, height: 1 },
        { msg_type: "image", file_id: file, size: 1, width: 0, height: 1 },
        { msg_type: "voice", file_id: file, size: 1 },
        { msg_type: "location", latitude: 91, longitude: 0 },
        { msg_type: "card", peer: "nobody", title: "x" },
        { msg_type: "file", file_id: file, size: 1, name: "x", extra: 1 },
      ]) {
        await expect(ann.client.messages.send({ to: bob.id, payload }), payload.msg_type).rejects.toMatchObject({ status: 400 });
      }
    });

    test("a forwarded message says where it came from; only what one can see can be forwarded, as it is", async () => {
      const [ann, bob, cem] = await Promise.all([people.online("ann"), people.online("bob"), people.online("cem")]);
      const { id } = await ann.client.messages.sendText(bob.id, "pass it on");
      const [original] = await eventually("bob has it", () => bob.messages.length === 1 && bob.messages);
      await bob.client.messages.forward(original as Message, cem.id);
      const [arrived] = await eventually("cem has it", () => cem.messages.length === 1 && cem.messages);
      expect(arrived).toMatchObject({ from: bob.id, payload: text("pass it on"), forwarded_from: { message_id: id, user_id: ann.id } });
      // Further on it is still ann's.
      await cem.client.messages.forward(arrived as Message, ann.id);
      const again = await eventually("back at ann's", () => ann.messages.find((m) => m.from === cem.id));
      expect(again.forwarded_from).toEqual({ message_id: id, user_id: ann.id });
      await expect(cem.client.messages.forward(original as Message, ann.id)).rejects.toMatchObject({ status: 404, code: 817 });
      await expect(bob.client.messages.forward({ id, payload: text("forged") }, cem.id)).rejects.toMatchObject({ status: 400 });
    });

    test("a forward that is repeated answers as before, whatever has become of the original", async () => {
      const [ann, bob, cem] = await Promise.all([people.online("ann"), people.online("bob"), people.online("cem")]);
      const original = { ...(await ann.client.messages.sendText(bob.id, "as I said")), payload: text("as I said") };
      await eventually("bob has it", () => bob.messages.length === 1);
      const forward = (client_msg_id: string, to = cem.id) =>
        bob.client.messages.send({ to, payload: original.payload, forwarded_from: { message_id: original.id }, client_msg_id });
      const first = await forward("first");
      await eventually("cem has it", () => cem.messages.length === 1);
      await ann.client.messages.edit(original.id, text("as I never said"));
      expect(await forward("first")).toEqual(first);
      await expect(forward("second")).rejects.toMatchObject({ status: 400 });
      await ann.client.messages.recall(original.id);
      expect(await forward("first")).toEqual(first);
      await expect(forward("second")).rejects.toMatchObject({ status: 404, code: 817 });
      // What was sent under that id was another message.
      await expect(forward("first", ann.id)).rejects.toMatchObject({ status: 404, code: 817 });
      const { id: answer } = await cem.client.messages.sendText(bob.id, "once, thank you");
      await eventually("bob has the answer", () => bob.messages.some((message) => message.id === answer));
      expect((await cem.client.dialogs.history(bob.id, { limit: 10 })).items).toHaveLength(2);
    });

    test("mentions: everybody by the owner only, and nobody from outside", async () => {
      const { ann, bob, cem, id } = await group();
      const outside = await people.registered("dan");
      await expect(bob.client.messages.send({ to: id, payload: text("all!"), mentions: ["@all"] })).rejects.toMatchObject({
        status: 403,
        code: 815,
      });
      await expect(bob.client.messages.send({ to: id, payload: text("dan!"), mentions: [outside.id] })).rejects.toMatchObject({
        status: 400,
        code: 816,
      });
      await ann.client.messages.send({ to: id, payload: text("all!"), mentions: ["@all"] });
      await bob.client.messages.send({ to: id, payload: text("cem!"), mentions: [cem.id] });
      await cem.shows(id, ["all!", "cem!"]);
      await eventually("both are counted", async () => (await cem.client.dialogs.get(id)).unread_mentions === 2);
      expect((await ann.client.dialogs.get(id)).unread_mentions).toBe(0);
    });

    test("an edit reaches everybody, online or later; the sender and the owner see what it said before", async () => {
      const { ann, bob, cem, id: peer } = await group();
      const { id } = await bob.client.messages.sendText(peer, "teh tea");
      await cem.shows(peer, ["teh tea"]);
      await cem.disconnect();
      await expect(ann.client.messages.edit(id, text("no"))).rejects.toMatchObject({ status: 403 });
      await expect(bob.client.messages.edit(id, { msg_type: "custom" })).rejects.toMatchObject({ status: 400 });
      await bob.client.messages.edit(id, text("the tea"));
      expect(await frame(ann, "EDIT", id)).toMatchObject({ payload: text("the tea"), seq: 1, from: bob.id, edited_at: expect.any(Number) });
      await cem.connect();
      expect(await frame(cem, "EDIT", id)).toMatchObject({ payload: text("the tea") });
      expect(await inHistory(cem, peer, id)).toMatchObject({ payload: text("the tea"), edited_at: expect.any(Number), seq: 1 });
      for (const person of [bob, ann]) expect((await person.client.messages.edits(id)).map((e) => e.payload)).toEqual([text("teh tea")]);
      await expect(cem.client.messages.edits(id)).rejects.toMatchObject({ status: 403 });
      await expect(ann.client.messages.edit("123", text("x"))).rejects.toMatchObject({ status: 404 });
    });

    test("a recalled message is gone for everybody and no longer unread", async () => {
      const { ann, bob, cem, id: peer } = await group();
      const first = await bob.client.messages.sendText(peer, "oops");
      const second = await bob.client.messages.sendText(peer, "that");
      await cem.shows(peer, ["oops", "that"]);
      await unread(cem, peer, 2);
      await expect(cem.client.messages.recall(first.id)).rejects.toMatchObject({ status: 403 });
      await bob.client.messages.recall(first.id);
      expect(await frame(cem, "RECALL", first.id)).toMatchObject({ conversation_id: peer, seq: 1, by: bob.id, unread: 1 });
      await unread(cem, peer, 1);
      expect(await inHistory(cem, peer, first.id)).toMatchObject({ payload: { msg_type: "recalled" }, recalled_at: expect.any(Number) });
      // The owner may recall what others have said; again is no fault.
      await ann.client.messages.recall(second.id);
      await ann.client.messages.recall(second.id);
      await frame(cem, "RECALL", second.id);
      await unread(cem, peer, 0);
      expect((await cem.client.dialogs.get(peer)).top_message?.payload).toEqual({ msg_type: "recalled" });
      await expect(bob.client.messages.edit(first.id, text("x"))).rejects.toMatchObject({ status: 409, code: 811 });
      await expect(bob.client.messages.react(first.id, "👍")).rejects.toMatchObject({ status: 409, code: 811 });
    });

    test("what one deletes for oneself is gone on all one's devices and nowhere else", async () => {
      const [ann, bob] = await Promise.all([people.online("ann"), people.online("bob")]);
      const phone = people.add(await bob.device());
      await phone.connect();
      const kept = await ann.client.messages.sendText(bob.id, "keep");
      const { id, conversation_id } = await ann.client.messages.sendText(bob.id, "drop");
      await phone.shows(conversation_id, ["keep", "drop"]);
      await bob.client.messages.deleteForMe(id);
      expect(await frame(phone, "DELETE", id)).toMatchObject({ peer: ann.id, conversation_id, seq: 2, unread: 1 });
      await unread(bob, ann.id, 1);
      expect((await bob.client.dialogs.history(ann.id)).items.map((m) => m.id)).toEqual([kept.id]);
      const dialog = await bob.client.dialogs.get(ann.id);
      expect(dialog).toMatchObject({ top_seq: 2, top_message: { id: kept.id } });
      expect((await ann.client.dialogs.history(bob.id)).items).toHaveLength(2);
      expect(ann.updates.some((u) => u.type === "DELETE")).toBe(false);
      await bob.client.messages.deleteForMe(id);
      await expect(bob.client.messages.react(id, "👍")).rejects.toMatchObject({ status: 404 });
      const stranger = await people.registered("dan");
      await expect(stranger.client.messages.deleteForMe(kept.id)).rejects.toMatchObject({ status: 404 });
    });

    test("reactions are seen by all and counted in the history", async () => {
      const { ann, bob, cem, id: peer } = await group();
      const { id } = await ann.client.messages.sendText(peer, "cake?");
      await cem.shows(peer, ["cake?"]);
      await bob.client.messages.react(id, "👍");
      await cem.client.messages.react(id, "👍");
      await bob.client.messages.react(id, "❤");
      const hearts = await ann.update("the heart", (u) => u.type === "REACTION" && u["emoji"] === "❤️");
      expect(hearts).toMatchObject({ conversation_id: peer, id, seq: 1, user_id: bob.id, on: true, count: 1 });
      expect((await inHistory(cem, peer, id))?.reactions).toEqual([
        { emoji: "👍", count: 2, mine: true },
        { emoji: "❤️", count: 1, mine: false },
      ]);
      await bob.client.messages.unreact(id, "👍");
      await cem.update("one less", (u) => u.type === "REACTION" && u["on"] === false);
      expect((await inHistory(ann, peer, id))?.reactions).toEqual([
        { emoji: "👍", count: 1, mine: false },
        { emoji: "❤️", count: 1, mine: false },
      ]);
      for (const bad of ["x", "👍👍", "1", "%"]) await expect(ann.client.messages.react(id, bad)).rejects.toMatchObject({ status: 400 });
      const stranger = await people.registered("dan");
      await expect(stranger.client.messages.react(id, "👍")).rejects.toMatchObject({ status: 404 });
    });

    test("pinned messages are shown to all; in a group the owner pins", async () => {
      const { ann, bob, cem, id: peer } = await group();
      const first = await bob.client.messages.sendText(peer, "rules");
      const second = await bob.client.messages.sendText(peer, "menu");
      await cem.shows(peer, ["rules", "menu"]);
      await expect(bob.client.messages.pin(first.id)).rejects.toMatchObject({ status: 403 });
      await ann.client.messages.pin(first.id);
      await ann.client.messages.pin(second.id);
      expect(await frame(cem, "PIN", first.id)).toMatchObject({ conversation_id: peer, seq: 1, by: ann.id, on: true });
      expect((await cem.client.dialogs.pinned(peer)).map((p) => [p.message.id, p.pinned_by])).toEqual([
        [second.id, ann.id],
        [first.id, ann.id],
      ]);
      await ann.client.messages.unpin(second.id);
      await bob.update("the pin taken off", (u) => u.type === "PIN" && u["on"] === false);
      await bob.client.messages.recall(first.id);
      expect(await cem.client.dialogs.pinned(peer)).toEqual([]);
      const late = await people.registered("dan");
      await expect(late.client.dialogs.pinned(peer)).rejects.toMatchObject({ status: 403 });
      // Of two, both may.
      const own = await ann.client.messages.sendText(bob.id, "between us");
      await bob.shows(own.conversation_id, ["between us"]);
      await bob.client.messages.pin(own.id);
      await frame(ann, "PIN", own.id);
      expect(await ann.client.dialogs.pinned(bob.id)).toHaveLength(1);
    });

    test("who may not write may not write by editing; of two of whom one has blocked the other, neither reaches the other", async () => {
      const { ann, bob, id: peer } = await group();
      const said = await bob.client.messages.sendText(peer, "calm");
      await ann.shows(peer, ["calm"]);
      await ann.client.groups.updateMember(peer, bob.id, { muted_until: Date.now() + 60_000 });
      await expect(bob.client.messages.edit(said.id, text("loud"))).rejects.toMatchObject({ status: 403, code: 830 });
      // Taking back what one has said is another thing.
      await bob.client.messages.recall(said.id);
      await frame(ann, "RECALL", said.id);
      const own = await ann.client.messages.sendText(bob.id, "between us");
      await bob.shows(own.conversation_id, ["between us"]);
      await bob.client.dialogs.read(ann.id, 1);
      expect(await ann.client.messages.readers(own.id)).toHaveLength(1);
      await bob.client.blocks.add(ann.id);
      const closed = { status: 403, code: 860 };
      await expect(ann.client.messages.edit(own.id, text("hear me"))).rejects.toMatchObject(closed);
      await expect(ann.client.messages.pin(own.id)).rejects.toMatchObject(closed);
      await expect(bob.client.messages.react(own.id, "👍")).rejects.toMatchObject(closed);
      await eventually("no receipts any more", async () => (await ann.client.messages.readers(own.id)).length === 0);
      await ann.client.messages.recall(own.id);
      await frame(bob, "RECALL", own.id);
    });

    test("who has read: the author's devices learn it, and the list has no one who joined later", async () => {
      const { ann, bob, cem, id: peer } = await group();
      const desk = people.add(await ann.device());
      await desk.connect();
      const { id } = await ann.client.messages.sendText(peer, "read me");
      await bob.client.messages.sendText(peer, "me too");
      await cem.shows(peer, ["read me", "me too"]);
      await cem.client.dialogs.read(peer, 2);
      const receipt = { conversation_id: peer, peer, readers: [{ user_id: cem.id, read_seq: 2 }] };
      for (const device of [ann, desk, bob]) {
        expect(await device.update("the receipt", (u) => u.type === "READ" && u["readers"] !== undefined)).toMatchObject(receipt);
      }
      const late = await people.registered("dan");
      await ann.client.groups.add(peer, [late.id]);
      expect(await ann.client.messages.readers(id)).toEqual([{ user_id: cem.id, read_seq: 2 }]);
      await expect(late.client.messages.readers(id)).rejects.toMatchObject({ status: 404 });
    });
  });
};
