import { afterChange, type Dialog, type Entry, type Message } from "@dunlin/client";
import { afterEach, describe, expect, test } from "vitest";
import { eventually } from "../support/eventually.js";
import { People, type Person } from "../support/person.js";
import type { System } from "../support/system.js";

const text = (words: string) => ({ msg_type: "text", text: words });

/** A device with every entry of supergroups' logs that it was shown, and its messages as these entries leave them. */
interface Follower {
  readonly person: Person;
  readonly entries: Entry[];
  readonly shown: Map<string, Message>;
}

const follow = (person: Person): Follower => {
  const entries: Entry[] = [];
  const shown = new Map<string, Message>();
  person.client.on("entry", (entry) => entries.push(entry));
  person.client.on("message", (message) => shown.set(message.id, message));
  person.client.on("change", (change) => {
    const message = shown.get(change.id);
    const after = message && afterChange(message, change, person.id);
    if (after) shown.set(change.id, after);
    else shown.delete(change.id);
  });
  return { person, entries, shown };
};

/** What people do to messages of a supergroup, as its one log shows it to other devices and other people. */
export const supergroupMessageScenarios = (system: () => System): void => {
  describe("messages in supergroups", () => {
    const people = new People(system);
    afterEach(() => people.leave());

    /** Ann, bob and cem in a supergroup that is ann's; all follow it. */
    const flock = async () => {
      const [ann, bob, cem] = await Promise.all([people.online("ann"), people.online("bob"), people.online("cem")]);
      const followers = { ann: follow(ann), bob: follow(bob), cem: follow(cem) };
      const { id } = await ann.client.groups.createSupergroup("flock", [bob.id, cem.id]);
      await Promise.all([ann, bob, cem].map((p) => p.update("MEMBER", (u) => u["peer"] === id && u["action"] === "created")));
      return { ann, bob, cem, id, followers };
    };
    const entry = ({ person, entries }: Follower, type: string, fits: (entry: Entry) => boolean = () => true): Promise<Entry> =>
      eventually(`${person.account} is shown ${type}`, () => entries.find((e) => e.type === type && fits(e)));
    const dialogOf = (person: Person, peer: string, fits: (dialog: Dialog) => boolean): Promise<Dialog> =>
      eventually(`${person.account}'s dialog`, async () => {
        const dialog = await person.client.dialogs.get(peer);
        return fits(dialog) && dialog;
      });
    /** Shown as unread, and counted so from the messages. */
    const unread = async (person: Person, peer: string, expected: number): Promise<Dialog> => {
      const dialog = await dialogOf(person, peer, (d) => d.unread === expected);
      expect(await system().store.dialogs.recountUnread(person.id, peer)).toBe(expected);
      return dialog;
    };
    const say = async (person: Person, peer: string, words: string, seen: readonly Follower[]): Promise<Message> => {
      const { id } = await person.client.messages.sendText(peer, words);
      await Promise.all(seen.map(({ person: who, shown }) => eventually(`${who.account} sees "${words}"`, () => shown.has(id))));
      return seen[0]?.shown.get(id) as Message;
    };
    /** Those to whom the supergroup's messages do not exist: a stranger, one who was removed, one who came later. */
    const outsiders = async (owner: Person, id: string, removed: Person): Promise<Person[]> => {
      const [stranger, late] = await Promise.all([people.registered("dan"), people.registered("eve")]);
      await late.client.groups.joinSupergroup(id);
      await owner.client.groups.remove(id, removed.id);
      // Another apisvc may take one for a member for some seconds: then it is ingest that refuses, with a 403.
      const isOut = (): Promise<boolean> =>
        removed.client.supergroups.difference(id, 0).then(
          () => false,
          () => true,
        );
      await eventually("the removed one's apisvc knows", isOut);
      return [stranger, late, removed];
    };

    test("an edit is one entry for all, online or later; sender and owner see what it said before", async () => {
      const { ann, bob, cem, id: peer, followers } = await flock();
      const message = await say(bob, peer, "teh tea", Object.values(followers));
      await cem.disconnect();
      await expect(ann.client.messages.edit(message.id, text("no"))).rejects.toMatchObject({ status: 403 });
      await expect(bob.client.messages.edit(message.id, { msg_type: "custom" })).rejects.toMatchObject({ status: 400 });
      await bob.client.messages.edit(message.id, text("the tea"));
      const changed = { id: message.id, message_seq: message.seq, seq: message.seq + 1, payload: text("the tea"), from: bob.id };
      expect(await entry(followers.ann, "EDIT")).toMatchObject({ ...changed, conversation_id: peer, edited_at: expect.any(Number) });
      await cem.connect();
      expect(await entry(followers.cem, "EDIT")).toMatchObject(changed);
      for (const { shown } of Object.values(followers)) expect(shown.get(message.id)?.payload).toEqual(text("the tea"));
      expect((await cem.client.dialogs.history(peer)).items).toMatchObject([{ id: message.id, payload: text("the tea") }]);
      for (const person of [bob, ann]) {
        expect((await person.client.messages.edits(message.id)).map((e) => e.payload)).toEqual([text("teh tea")]);
      }
      await expect(cem.client.messages.edits(message.id)).rejects.toMatchObject({ status: 403 });
      for (const person of await outsiders(ann, peer, bob)) {
        await expect(person.client.messages.edit(message.id, text("x"))).rejects.toMatchObject({ status: 404 });
        await expect(person.client.messages.edits(message.id)).rejects.toMatchObject({ status: 404 });
      }
    });

    test("a recalled message is gone for everybody and no longer unread; admins recall what others have said", async () => {
      const { ann, bob, cem, id: peer, followers } = await flock();
      const first = await say(bob, peer, "oops", Object.values(followers));
      const second = await say(bob, peer, "that", Object.values(followers));
      await unread(cem, peer, 2);
      await ann.client.dialogs.read(peer, second.seq);
      await expect(cem.client.messages.recall(first.id)).rejects.toMatchObject({ status: 403 });
      await bob.client.messages.recall(first.id);
      expect(await entry(followers.cem, "RECALL")).toMatchObject({
        conversation_id: peer,
        id: first.id,
        message_seq: first.seq,
        by: bob.id,
      });
      for (const [person, count] of [
        [ann, 0],
        [bob, 0],
        [cem, 1],
      ] as const) {
        await unread(person, peer, count);
      }
      // The owner may recall what others have said; again is no fault.
      await ann.client.messages.recall(second.id);
      await ann.client.messages.recall(second.id);
      await entry(followers.cem, "RECALL", (e) => e["id"] === second.id && e["by"] === ann.id);
      expect((await unread(cem, peer, 0)).top_message?.payload).toEqual({ msg_type: "recalled" });
      for (const { shown } of Object.values(followers)) {
        for (const { id } of [first, second]) expect(shown.get(id)).toMatchObject({ payload: { msg_type: "recalled" } });
      }
      await expect(bob.client.messages.edit(first.id, text("x"))).rejects.toMatchObject({ status: 409, code: 811 });
      await expect(cem.client.messages.react(first.id, "👍")).rejects.toMatchObject({ status: 409, code: 811 });
      // Reading goes on from there as if it had never been said.
      const third = await say(bob, peer, "third", Object.values(followers));
      await unread(cem, peer, 1);
      await cem.client.dialogs.read(peer, third.seq);
      await unread(cem, peer, 0);
      for (const person of await outsiders(ann, peer, cem)) {
        await expect(person.client.messages.recall(third.id)).rejects.toMatchObject({ status: 404 });
      }
    });

    test("reactions are seen by all, counted in the history, and each is one entry", async () => {
      const { ann, bob, cem, id: peer, followers } = await flock();
      const message = await say(ann, peer, "cake?", Object.values(followers));
      await bob.client.messages.react(message.id, "👍");
      await bob.client.messages.react(message.id, "👍");
      await cem.client.messages.react(message.id, "👍");
      await bob.client.messages.react(message.id, "❤");
      const heart = { id: message.id, message_seq: message.seq, user_id: bob.id, emoji: "❤️", on: true, count: 1 };
      expect(await entry(followers.ann, "REACTION", (e) => e["emoji"] === "❤️")).toMatchObject(heart);
      await bob.client.messages.unreact(message.id, "👍");
      await entry(followers.cem, "REACTION", (e) => e["on"] === false);
      const reactions = [
        { emoji: "👍", count: 1, mine: true },
        { emoji: "❤️", count: 1, mine: false },
      ];
      expect((await cem.client.dialogs.history(peer)).items[0]?.reactions).toEqual(reactions);
      expect(followers.cem.shown.get(message.id)?.reactions).toEqual(reactions);
      expect(followers.cem.entries.filter((e) => e.type === "REACTION")).toHaveLength(4);
      await expect(ann.client.messages.react(message.id, "x")).rejects.toMatchObject({ status: 400 });
      for (const person of await outsiders(ann, peer, bob)) {
        await expect(person.client.messages.react(message.id, "👍")).rejects.toMatchObject({ status: 404 });
        await expect(person.client.messages.unreact(message.id, "❤️")).rejects.toMatchObject({ status: 404 });
      }
    });

    test("owner and admins pin for everybody; what is recalled is pinned no more", async () => {
      const { ann, bob, cem, id: peer, followers } = await flock();
      const first = await say(bob, peer, "rules", Object.values(followers));
      const second = await say(bob, peer, "menu", Object.values(followers));
      await expect(bob.client.messages.pin(first.id)).rejects.toMatchObject({ status: 403 });
      await ann.client.messages.pin(first.id);
      await ann.client.messages.pin(second.id);
      expect(await entry(followers.cem, "PIN")).toMatchObject({ id: first.id, message_seq: first.seq, by: ann.id, on: true });
      expect((await cem.client.dialogs.pinned(peer)).map((p) => [p.message.id, p.message.conversation_id, p.pinned_by])).toEqual([
        [second.id, peer, ann.id],
        [first.id, peer, ann.id],
      ]);
      await expect(cem.client.messages.unpin(second.id)).rejects.toMatchObject({ status: 403 });
      await ann.client.messages.unpin(second.id);
      await entry(followers.bob, "PIN", (e) => e["on"] === false && e["id"] === second.id);
      await bob.client.messages.recall(first.id);
      expect(await cem.client.dialogs.pinned(peer)).toEqual([]);
      const [stranger, late] = await outsiders(ann, peer, bob);
      for (const person of [stranger, late, bob]) {
        await expect(person?.client.messages.pin(second.id)).rejects.toMatchObject({ status: 404 });
      }
      await expect(stranger?.client.dialogs.pinned(peer)).rejects.toMatchObject({ status: 403 });
      // What was said before one came is not shown as pinned either.
      await ann.client.messages.pin(second.id);
      expect(await late?.client.dialogs.pinned(peer)).toEqual([]);
    });

    test("mentions: a named user is told wherever the user is, everybody by right; both are counted until read", async () => {
      const { ann, bob, cem, id: peer, followers } = await flock();
      const outside = await people.registered("dan");
      const send = (person: Person, words: string, mentions: string[]) =>
        person.client.messages.send({ to: peer, payload: text(words), mentions });
      await expect(send(bob, "all!", ["@all"])).rejects.toMatchObject({ status: 403, code: 815 });
      await expect(send(bob, "dan!", [outside.id])).rejects.toMatchObject({ status: 400, code: 816 });
      await cem.disconnect();
      const named = await send(bob, "cem!", [cem.id]);
      const all = await send(ann, "all!", ["@all"]);
      const both = await send(ann, "cem and all!", [cem.id, "@all"]);
      await dialogOf(cem, peer, (d) => d.unread_mentions === 3);
      expect(await dialogOf(bob, peer, (d) => d.unread_mentions === 2)).toMatchObject({ unread: 2 });
      expect(await dialogOf(ann, peer, () => true)).toMatchObject({ unread_mentions: 0 });
      expect(await cem.client.dialogs.unread()).toMatchObject({ unread_mentions: 3 });
      // The named one is told in the own log, when online again.
      await cem.connect();
      const told = { conversation_id: peer, peer, id: named.id, from: bob.id, reason: "mention" };
      expect(await cem.update("MENTION", (u) => u.type === "MENTION")).toMatchObject(told);
      await cem.update("both", (u) => u.type === "MENTION" && u["id"] === both.id);
      expect(cem.updates.filter((u) => u.type === "MENTION")).toHaveLength(2);
      expect(bob.updates.some((u) => u.type === "MENTION")).toBe(false);
      const listed = await cem.call("GET", `/v1/dialogs/${peer}/mentions`);
      const { items } = ((await listed.json()) as { data: { items: Message[] } }).data;
      expect(items.map((m) => m.id)).toEqual([named.id, all.id, both.id]);
      // Reading past it, recalling it, and deleting it for oneself take it off.
      await cem.client.dialogs.read(peer, items[0]?.seq ?? 0);
      await dialogOf(cem, peer, (d) => d.unread_mentions === 2);
      await ann.client.messages.recall(all.id);
      await dialogOf(cem, peer, (d) => d.unread_mentions === 1);
      await dialogOf(bob, peer, (d) => d.unread_mentions === 1);
      await cem.client.messages.deleteForMe(both.id);
      await dialogOf(cem, peer, (d) => d.unread_mentions === 0);
      expect(followers.ann.entries.filter((e) => e.type === "C2S")).toHaveLength(3);
    });

    test("a reply names a message of the same supergroup, and its author is told; forwarding goes both ways", async () => {
      const { ann, bob, cem, id: peer, followers } = await flock();
      const asked = await say(bob, peer, "who?", Object.values(followers));
      const { conversation_id: pair, id: private_ } = await ann.client.messages.sendText(bob.id, "between us");
      await bob.shows(pair, ["between us"]);
      const reply = (replyTo: string) => ann.client.messages.send({ to: peer, payload: text("me"), reply_to: replyTo });
      await expect(reply(private_)).rejects.toMatchObject({ status: 404, code: 865 });
      const answered = await reply(asked.id);
      const seen = await eventually("the reply", () => followers.cem.shown.get(answered.id));
      expect(seen.reply_to).toBe(asked.id);
      expect(await bob.update("the reply", (u) => u.type === "MENTION")).toMatchObject({ id: answered.id, reason: "reply", from: ann.id });
      expect((await dialogOf(bob, peer, () => true)).unread_mentions).toBe(0);
      // One that is stored nowhere is refused at its place in the log.
      const lost = await reply("7000000000000000001");
      expect(await ann.update("REJECT", (u) => u.type === "REJECT" && u["id"] === lost.id)).toMatchObject({ code: 865, to: peer });

      await cem.client.messages.forward(asked, ann.id);
      const out = await eventually("ann has it", () => ann.messages.find((m) => m.from === cem.id));
      expect(out).toMatchObject({ type: "C2C", payload: text("who?"), forwarded_from: { message_id: asked.id, user_id: bob.id } });
      const secret = ann.messages.find((m) => m.id === private_) as Message;
      const { id: passed } = await ann.client.messages.forward(secret, peer);
      const arrived = await eventually("it in the supergroup", () => followers.cem.shown.get(passed));
      expect(arrived).toMatchObject({ type: "C2S", forwarded_from: { message_id: private_, user_id: ann.id } });
      await expect(ann.client.messages.edit(passed, text("x"))).rejects.toMatchObject({ status: 403 });
      for (const person of await outsiders(ann, peer, cem)) {
        await expect(person.client.messages.forward(asked, bob.id)).rejects.toMatchObject({ status: 404, code: 817 });
        await expect(person.client.messages.send({ to: peer, payload: text("x"), reply_to: asked.id })).rejects.toMatchObject({
          code: person.account.startsWith("eve") ? 865 : 804,
        });
      }
    });

    test("what one deletes for oneself is gone on all one's devices and nowhere else", async () => {
      const { ann, bob, cem, id: peer, followers } = await flock();
      const phone = people.add(await bob.device());
      await phone.connect();
      const kept = await say(ann, peer, "keep", Object.values(followers));
      const gone = await say(ann, peer, "drop", Object.values(followers));
      await unread(bob, peer, 2);
      await bob.client.messages.deleteForMe(gone.id);
      const told = await phone.update("DELETE", (u) => u.type === "DELETE");
      expect(told).toMatchObject({ peer, conversation_id: peer, id: gone.id, seq: gone.seq, unread: 1 });
      await unread(bob, peer, 1);
      expect(await dialogOf(bob, peer, () => true)).toMatchObject({ top_seq: gone.seq, top_message: { id: kept.id } });
      expect((await bob.client.dialogs.history(peer)).items.map((m) => m.id)).toEqual([kept.id]);
      expect((await cem.client.dialogs.history(peer)).items).toHaveLength(2);
      await unread(cem, peer, 2);
      await bob.client.messages.deleteForMe(gone.id);
      await expect(bob.client.messages.react(gone.id, "👍")).rejects.toMatchObject({ status: 404 });
      // Recalled afterwards it is not taken off twice; and reading past it leaves nothing behind.
      await ann.client.messages.recall(gone.id);
      await entry(followers.bob, "RECALL");
      await unread(bob, peer, 1);
      await unread(cem, peer, 1);
      await bob.client.dialogs.read(peer, gone.seq);
      await unread(bob, peer, 0);
      expect(followers.cem.person.updates.some((u) => u.type === "DELETE")).toBe(false);
      for (const person of await outsiders(ann, peer, cem)) {
        await expect(person.client.messages.deleteForMe(kept.id)).rejects.toMatchObject({ status: 404 });
      }
    });

    test("how many have read a message: members who could see it, not its sender; nobody is named", async () => {
      const { ann, bob, cem, id: peer, followers } = await flock();
      const message = await say(ann, peer, "read me", Object.values(followers));
      expect(await bob.client.messages.readCount(message.id)).toBe(0);
      await ann.client.dialogs.read(peer, message.seq);
      await bob.client.dialogs.read(peer, message.seq);
      await eventually("bob is counted", async () => (await cem.client.messages.readCount(message.id)) === 1);
      expect(await ann.client.messages.readers(message.id)).toEqual([]);
      await cem.client.dialogs.read(peer, message.seq);
      await eventually("cem too", async () => (await ann.client.messages.readCount(message.id)) === 2);
      for (const person of await outsiders(ann, peer, cem)) {
        await expect(person.client.messages.readCount(message.id)).rejects.toMatchObject({ status: 404 });
      }
      expect(await ann.client.messages.readCount(message.id)).toBe(1);
    });

    test("who was away catches up with every change in order; what was recalled meanwhile is nowhere in the log", async () => {
      const { ann, bob, cem, id: peer, followers } = await flock();
      const message = await say(ann, peer, "first", Object.values(followers));
      await cem.disconnect();
      const secret = "nobody should have seen this";
      await ann.client.messages.edit(message.id, text(secret));
      await bob.client.messages.react(message.id, "👍");
      await ann.client.messages.pin(message.id);
      await ann.client.messages.recall(message.id);
      const last = await say(bob, peer, "last", [followers.ann, followers.bob]);
      await cem.connect();
      await eventually("cem is there again", () => followers.cem.shown.has(last.id));
      const types = followers.cem.entries.map((e) => e.type);
      expect(types.slice(-6)).toEqual(["C2S", "EDIT", "REACTION", "PIN", "RECALL", "C2S"]);
      for (const { entries } of Object.values(followers)) {
        expect(entries.map((e) => e.seq)).toEqual(entries.map((_, i) => (entries[0]?.seq ?? 0) + i));
      }
      expect(followers.cem.shown.get(message.id)).toEqual(followers.ann.shown.get(message.id));
      const pulled = await cem.client.supergroups.difference(peer, message.seq - 1);
      expect(JSON.stringify(pulled.updates)).not.toContain(secret);
      expect(pulled.updates.map((e) => e.type)).toEqual(["C2S", "EDIT", "REACTION", "PIN", "RECALL", "C2S"]);
      expect(await cem.client.supergroups.difference(peer, last.seq + 1)).toMatchObject({ too_long: true, pts: last.seq });
    });

    test("of a group that became a supergroup, old messages can be changed, and pins and mentions go along", async () => {
      const [ann, bob] = await Promise.all([people.online("ann"), people.online("bob")]);
      const { id: group } = await ann.client.groups.create("small", [bob.id]);
      const pinned = await ann.client.messages.sendText(group, "pinned");
      await ann.client.messages.send({ to: group, payload: text("bob!"), mentions: [bob.id] });
      const own = await bob.client.messages.sendText(group, "mine");
      await ann.shows(group, ["pinned", "bob!", "mine"]);
      await ann.client.messages.pin(pinned.id);
      const follower = follow(bob);
      const id = await ann.client.groups.upgrade(group);
      await bob.update("upgraded", (u) => u["peer"] === id && u["action"] === "upgraded");
      expect(await unread(bob, id, 2)).toMatchObject({ unread_mentions: 1 });
      expect((await bob.client.dialogs.pinned(id)).map((p) => [p.message.id, p.message.conversation_id])).toEqual([[pinned.id, id]]);
      await bob.client.messages.edit(own.id, text("mine again"));
      expect(await entry(follower, "EDIT")).toMatchObject({ conversation_id: id, id: own.id, message_seq: 3, payload: text("mine again") });
      await ann.client.messages.recall(pinned.id);
      await entry(follower, "RECALL");
      await unread(bob, id, 1);
      expect(await bob.client.dialogs.pinned(id)).toEqual([]);
      await ann.client.messages.send({ to: id, payload: text("yes"), reply_to: own.id });
      await bob.update("the reply", (u) => u.type === "MENTION" && u["reason"] === "reply");
      await bob.client.messages.deleteForMe(own.id);
      expect((await bob.client.dialogs.history(id)).items.map((m) => m.seq)).not.toContain(3);
      await bob.client.dialogs.read(id, 2);
      expect(await unread(bob, id, 1)).toMatchObject({ unread_mentions: 0 });
      expect(await ann.client.messages.readCount(pinned.id)).toBe(1);
    });
  });
};
