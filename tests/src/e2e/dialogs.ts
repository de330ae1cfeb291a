import { afterEach, describe, expect, test } from "vitest";
import { eventually } from "../support/eventually.js";
import { People, type Person } from "../support/person.js";
import type { System } from "../support/system.js";

const NOBODY = `U${"1".repeat(14)}`;

/** What people set on their own view of conversations, and what their lists show. */
export const dialogScenarios = (system: () => System): void => {
  describe("dialogs", () => {
    const people = new People(system);
    afterEach(() => people.leave());

    const listed = async (person: Person): Promise<string[]> => (await person.client.dialogs.list()).items.map((d) => d.peer);
    const told = (person: Person, what: string, fields: Record<string, unknown>) =>
      person.update(what, (u) => u.type === "DIALOG" && Object.entries(fields).every(([name, value]) => u[name] === value));
    /** Somebody with a second device, and others who have written. */
    const circle = async (names: readonly string[]) => {
      const ann = await people.online("ann");
      const phone = people.add(await ann.device());
      await phone.connect();
      const others = await Promise.all(names.map((name) => people.registered(name)));
      for (const other of others) await ann.shows((await other.client.messages.sendText(ann.id, "hi")).conversation_id, ["hi"]);
      return { ann, phone, others };
    };

    test("pin, mute, archive, mark unread and a draft reach one's other device, and nobody else", async () => {
      const { ann, phone, others } = await circle(["bob"]);
      const [bob] = others as [Person];
      await bob.connect();
      const muted_until = Date.now() + 3_600_000;
      const draft = "to be\ncontinued 👋";
      await ann.client.dialogs.change(bob.id, { pinned: true, muted_until, draft, marked_unread: true });
      const set = { pinned: true, pin_order: 1, muted_until, draft, marked_unread: true };
      expect(await told(phone, "the change", { peer: bob.id, draft })).toMatchObject(set);
      await ann.client.dialogs.change(bob.id, { archived: true });
      expect(await told(phone, "the archiving", { peer: bob.id, archived: true })).not.toHaveProperty("draft");
      expect(await phone.client.dialogs.get(bob.id)).toMatchObject({ ...set, archived: true, unread: 1 });
      // Reading takes the mark away, and nothing else.
      await phone.client.dialogs.read(bob.id, 1);
      await told(ann, "the mark's end", { peer: bob.id, marked_unread: false });
      expect(await ann.client.dialogs.get(bob.id)).toMatchObject({ ...set, archived: true, marked_unread: false, unread: 0 });
      await bob.update("the receipt", (u) => u.type === "READ");
      expect(bob.updates.filter((u) => u.type === "DIALOG")).toEqual([]);
      expect(await bob.client.dialogs.get(ann.id)).toMatchObject({ pinned: false, draft: "", archived: false, muted_until: 0 });
    });

    test("what is no dialog, or too much, is refused", async () => {
      const { ann, phone, others } = await circle(["bob"]);
      const [bob] = others as [Person];
      const stranger = await people.registered("eve");
      const group = await bob.client.groups.create("tea", [stranger.id]);
      const change = (peer: string) => ann.client.dialogs.change(peer, { archived: true });
      await expect(change(stranger.id)).rejects.toMatchObject({ status: 404, code: 404 });
      await expect(change(NOBODY)).rejects.toMatchObject({ status: 404, code: 803 });
      await expect(change(group.id)).rejects.toMatchObject({ status: 403, code: 804 });
      await expect(ann.client.dialogs.remove(stranger.id)).rejects.toMatchObject({ status: 404 });
      await expect(ann.client.dialogs.mentions(group.id)).rejects.toMatchObject({ status: 403 });
      await expect(ann.client.dialogs.pin([bob.id, stranger.id])).rejects.toMatchObject({ status: 404 });
      await expect(ann.client.dialogs.pin([bob.id, bob.id])).rejects.toMatchObject({ status: 400 });
      for (const body of [{ draft: "x".repeat(4_097) }, {}, { pinned: 1 }, { muted_until: -1 }, { unread: 1 }]) {
        expect((await ann.call("PATCH", `/v1/dialogs/${bob.id}`, body)).status).toBe(400);
      }
      await ann.client.dialogs.change(bob.id, { draft: "x".repeat(4_096) });
      await told(phone, "the long draft", { draft: "x".repeat(4_096) });
    });

    test("pinned dialogs come first, the newest pinned on top, in any order one likes", async () => {
      const { ann, phone, others } = await circle(["bob", "cem", "dan", "eva"]);
      const [bob, cem, dan, eva] = others as [Person, Person, Person, Person];
      expect(await listed(ann)).toEqual([eva.id, dan.id, cem.id, bob.id]);
      await ann.client.dialogs.change(cem.id, { pinned: true });
      await phone.client.dialogs.change(bob.id, { pinned: true });
      expect(await listed(ann)).toEqual([bob.id, cem.id, eva.id, dan.id]);
      // A message does not change their order.
      await ann.shows((await cem.client.messages.sendText(ann.id, "more")).conversation_id, ["hi", "more"]);
      expect(await listed(phone)).toEqual([bob.id, cem.id, eva.id, dan.id]);
      await ann.client.dialogs.pin([dan.id, cem.id]);
      const order = await phone.update("the order", (u) => u.type === "DIALOG" && u["pinned_peers"] !== undefined);
      expect(order["pinned_peers"]).toEqual([dan.id, cem.id]);
      expect(await listed(phone)).toEqual([dan.id, cem.id, eva.id, bob.id]);
      await phone.client.dialogs.change(dan.id, { pinned: false });
      await told(ann, "the unpinning", { peer: dan.id, pinned: false });
      expect((await listed(ann))[0]).toBe(cem.id);
      await ann.client.dialogs.pin([]);
      expect((await ann.client.dialogs.list()).items.some((d) => d.pinned)).toBe(false);
    });

    test("paging meets every dialog once, while others write", async () => {
      const { ann, others } = await circle(Array.from({ length: 8 }, (_, i) => `p${i}`));
      const pinned = (others[3] as Person).id;
      await ann.client.dialogs.change(pinned, { pinned: true });
      for (const limit of [1, 2, 3]) {
        let writing = true;
        const writers = others.map(async (other) => {
          for (let i = 0; writing && i < 200; i++) await other.client.messages.sendText(ann.id, `${limit} ${i}`);
        });
        const seen: string[] = [];
        let cursor: string | undefined;
        do {
          const page = await ann.client.dialogs.list({ limit, ...(cursor === undefined ? {} : { cursor }) });
          seen.push(...page.items.map((d) => d.peer));
          cursor = page.next_cursor ?? undefined;
        } while (cursor !== undefined);
        writing = false;
        await Promise.all(writers);
        expect(seen[0]).toBe(pinned);
        expect([...seen].sort()).toEqual(others.map((other) => other.id).sort());
      }
    });

    test("a deleted dialog is gone with its messages, for oneself; what comes later brings it back alone", async () => {
      const { ann, phone, others } = await circle(["bob"]);
      const [bob] = others as [Person];
      await ann.client.dialogs.change(bob.id, { pinned: true, draft: "never mind" });
      await ann.client.dialogs.remove(bob.id);
      expect(await told(phone, "the deletion", { peer: bob.id, deleted: true })).toMatchObject({ cleared_seq: 1, unread: 0 });
      expect(await listed(ann)).toEqual([]);
      await expect(phone.client.dialogs.get(bob.id)).rejects.toMatchObject({ status: 404 });
      expect((await phone.client.dialogs.history(bob.id)).items).toEqual([]);
      expect(await ann.client.dialogs.unread()).toMatchObject({ unread: 0, dialogs: 0 });
      expect((await bob.client.dialogs.history(ann.id)).items).toHaveLength(1);

      await ann.shows((await bob.client.messages.sendText(ann.id, "again")).conversation_id, ["hi", "again"]);
      expect(await ann.client.dialogs.get(bob.id)).toMatchObject({ top_seq: 2, unread: 1, pinned: false, draft: "" });
      expect(await system().store.dialogs.recountUnread(ann.id, bob.id)).toBe(1);
      for (const range of [{}, { after_seq: 0 }, { before_seq: 9 }]) {
        expect((await ann.client.dialogs.history(bob.id, range)).items.map((m) => m.seq)).toEqual([2]);
      }
      expect((await bob.client.dialogs.history(ann.id)).items).toHaveLength(2);
    });

    test("the badge counts what is unread, muted dialogs apart; unread mentions are listed", async () => {
      const { ann, phone, others } = await circle(["bob", "cem"]);
      const [bob, cem] = others as [Person, Person];
      const { id: group } = await bob.client.groups.create("tea", [ann.id, cem.id]);
      const say = (text: string, mentions: string[]) =>
        bob.client.messages.send({ to: group, payload: { msg_type: "text", text }, mentions });
      await say("for ann", [ann.id]);
      await say("for cem", [cem.id]);
      await say("for all", ["@all"]);
      await say("for ann again", [ann.id]);
      await ann.shows(group, ["for ann", "for cem", "for all", "for ann again"]);
      const nothing = { unread: 0, unread_mentions: 0, dialogs: 0 };
      expect(await ann.client.dialogs.unread()).toEqual({ unread: 6, unread_mentions: 3, dialogs: 3, muted: nothing });
      await ann.client.dialogs.change(cem.id, { muted_until: Date.now() + 3_600_000 });
      expect(await phone.client.dialogs.unread()).toMatchObject({ unread: 5, dialogs: 2, muted: { unread: 1, dialogs: 1 } });
      const first = await ann.client.dialogs.mentions(group, { limit: 2 });
      expect(first.items.map((m) => m.seq)).toEqual([1, 3]);
      const rest = await ann.client.dialogs.mentions(group, { limit: 2, cursor: first.next_cursor ?? "" });
      expect([rest.items.map((m) => m.seq), rest.next_cursor]).toEqual([[4], null]);
      await phone.client.dialogs.read(group, 3);
      await ann.update("the read", (u) => u.type === "READ" && u["read_seq"] === 3);
      expect((await ann.client.dialogs.mentions(group)).items.map((m) => m.seq)).toEqual([4]);
      expect(await ann.client.dialogs.unread()).toMatchObject({ unread: 2, unread_mentions: 1, dialogs: 2 });
    });

    test("who is removed keeps the dialog up to there; who comes back has read what was before", async () => {
      const [ann, bob] = await Promise.all([people.online("ann"), people.online("bob")]);
      const { id: group } = await ann.client.groups.create("tea", [bob.id]);
      for (const words of ["1", "2"]) await ann.client.messages.sendText(group, words);
      await bob.shows(group, ["1", "2"]);
      await ann.client.groups.remove(group, bob.id);
      await bob.update("the removal", (u) => u.type === "MEMBER" && u["action"] === "removed");
      for (const words of ["3", "4"]) await ann.client.messages.sendText(group, words);
      await ann.shows(group, ["1", "2", "3", "4"]);
      const seqs = async (range = {}) => (await bob.client.dialogs.history(group, range)).items.map((m) => m.seq).join();
      for (const range of [{}, { after_seq: 0 }, { before_seq: 99 }]) {
        // Another apisvc may take bob for a member for some seconds.
        await eventually("no more than there was", async () => (await seqs(range)) === "1,2");
      }
      expect(await bob.client.dialogs.get(group)).toMatchObject({ left_seq: 2, top_seq: 2, unread: 2, top_message: { seq: 2 } });
      await bob.client.dialogs.read(group, 99);
      await bob.update("the read", (u) => u.type === "READ" && u["peer"] === group);
      expect(await bob.client.dialogs.get(group)).toMatchObject({ top_seq: 2, read_seq: 2, unread: 0 });
      await bob.client.dialogs.change(group, { archived: true });
      await expect(bob.client.messages.sendText(group, "let me in")).rejects.toMatchObject({ status: 403, code: 804 });

      await ann.client.groups.add(group, [bob.id]);
      await bob.update("being back", (u) => u.type === "MEMBER" && u["action"] === "added");
      expect(await bob.client.dialogs.get(group)).toMatchObject({ left_seq: null, read_seq: 4, unread: 0, top_message: null });
      await ann.client.messages.sendText(group, "5");
      await bob.shows(group, ["1", "2", "5"]);
      expect(await seqs()).toBe("5");
      expect(await bob.client.dialogs.get(group)).toMatchObject({ unread: 1 });
      expect(await system().store.dialogs.recountUnread(bob.id, group)).toBe(1);
      // A group one has left can be deleted like any other dialog.
      await bob.client.groups.leave(group);
      await bob.client.dialogs.remove(group);
      expect(await listed(bob)).toEqual([]);
    });
  });
};
