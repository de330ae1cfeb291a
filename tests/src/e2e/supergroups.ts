import type { Dialog, Entry } from "@dunlin/client";
import { afterEach, describe, expect, test } from "vitest";
import { eventually } from "../support/eventually.js";
import { People, type Person } from "../support/person.js";
import type { System } from "../support/system.js";

const numbered = (name: string, count: number): string[] => Array.from({ length: count }, (_, i) => `${name} ${i + 1}`);

/** Every entry of a supergroup's log that a device is shown. */
const entriesOf = (person: Person, id: string): Entry[] => {
  const entries: Entry[] = [];
  person.client.on("entry", (entry) => {
    if (entry.conversation_id === id) entries.push(entry);
  });
  return entries;
};

const codeOf = async (answer: Promise<Response>): Promise<number> => ((await (await answer).json()) as { code: number }).code;

const dialogOf = (person: Person, peer: string, fits: (dialog: Dialog) => boolean): Promise<Dialog> =>
  eventually(`${person.account}'s dialog`, async () => {
    const dialog = await person.client.dialogs.get(peer);
    return fits(dialog) && dialog;
  });

/** One log that members read: delivered live, caught up with, read and counted. */
export const supergroupScenarios = (system: () => System): void => {
  describe("supergroups", () => {
    const people = new People(system);
    afterEach(() => people.leave());

    /** A supergroup of everybody given, the first its owner; resolves when all follow it. */
    const supergroupOf = async (owner: Person, ...others: Person[]): Promise<string> => {
      const { id, kind, member_count } = await owner.client.groups.createSupergroup(
        "flock",
        others.map((other) => other.id),
      );
      expect([id[0], kind, member_count]).toEqual(["C", "supergroup", others.length + 1]);
      await Promise.all([owner, ...others].map((person) => person.update("MEMBER", (u) => u["peer"] === id && u["action"] === "created")));
      return id;
    };

    test("all members see one log without a gap, in one order, on all devices; nothing of it is in their own logs", async () => {
      const [ann, bob, cat] = await Promise.all([people.online("ann"), people.online("bob"), people.online("cat")]);
      const phone = people.add(await ann.device());
      await phone.connect();
      const id = await supergroupOf(ann, bob, cat);
      const devices = [ann, bob, cat, phone];
      const logs = devices.map((device) => entriesOf(device, id));
      const before = await bob.client.updates.difference(0, 1);
      await Promise.all(
        [ann, bob, cat].map(async (person) => {
          for (const text of numbered(person.account, 10)) await person.client.messages.sendText(id, text);
        }),
      );
      const { items } = await eventually("all stored", async () => {
        const page = await ann.client.dialogs.history(id, { limit: 100 });
        return page.items.length === 30 && page;
      });
      const texts = items.map((m) => String(m.payload["text"]));
      for (const device of devices) await device.shows(id, texts);
      for (const log of logs) expect(log.map((entry) => entry.seq)).toEqual(items.map((m) => m.seq));
      expect(items.map((m) => m.seq)).toEqual(items.map((_, i) => (items[0]?.seq ?? 0) + i));
      expect(new Set(items.map((m) => m.type))).toEqual(new Set(["C2S"]));
      expect((await bob.client.updates.difference(0, 1)).pts).toBe(before.pts);
    });

    test("who was away catches up, by itself and over HTTP; from too far back, or before joining, it is too long", async () => {
      const [ann, bob] = await Promise.all([people.online("ann"), people.online("bob")]);
      const id = await supergroupOf(ann, bob);
      await ann.client.messages.sendText(id, "hello");
      await bob.shows(id, ["hello"]);
      await bob.disconnect();
      const missed = numbered("missed", 25);
      for (const text of missed) await ann.client.messages.sendText(id, text);
      await ann.shows(id, ["hello", ...missed]);
      await bob.connect();
      await bob.shows(id, ["hello", ...missed]);

      const head = bob.client.state.supergroups?.[id] ?? 0;
      const pulled: Entry[] = [];
      for (let pts = 1, more = true; more; ) {
        const page = await bob.client.supergroups.difference(id, pts, 10);
        expect(page).toMatchObject({ too_long: false, pts: head });
        pulled.push(...page.updates);
        pts = page.updates.at(-1)?.seq ?? pts;
        more = page.has_more;
      }
      expect(pulled.map((entry) => entry.seq)).toEqual(Array.from({ length: head - 1 }, (_, i) => i + 2));
      expect(await bob.client.supergroups.difference(id, head)).toEqual({ updates: [], pts: head, has_more: false, too_long: false });
      expect(await bob.client.supergroups.difference(id, head + 1)).toMatchObject({ too_long: true, pts: head, updates: [] });

      const cat = await people.online("cat");
      expect(await codeOf(cat.call("GET", `/v1/supergroups/${id}/updates?pts=${head}`))).toBe(804);
      expect(await codeOf(cat.call("GET", `/v1/supergroups/${ann.id}/updates?pts=0`))).toBe(400);
      await cat.client.groups.joinSupergroup(id);
      expect(await cat.client.supergroups.difference(id, 1)).toMatchObject({ too_long: true, pts: head + 1 });
    });

    test("joining: live from then on, what was before is read and not shown; leaving and removal end it", async () => {
      const [ann, bob, cat] = await Promise.all([people.online("ann"), people.online("bob"), people.online("cat")]);
      const id = await supergroupOf(ann);
      expect(
        await codeOf(bob.call("POST", "/v1/messages", { to: id, client_msg_id: "m1", payload: { msg_type: "text", text: "x" } })),
      ).toBe(804);
      expect(await codeOf(bob.call("GET", `/v1/groups/${id}`))).toBe(804);
      expect(await codeOf(bob.call("GET", `/v1/groups/${id}/members`))).toBe(804);
      for (const text of numbered("old", 3)) await ann.client.messages.sendText(id, text);
      await ann.shows(id, numbered("old", 3));
      await bob.client.groups.joinSupergroup(id);
      await ann.client.groups.add(id, [cat.id]);
      await Promise.all([bob, cat].map((p) => p.update("MEMBER", (u) => u["peer"] === id)));
      const joined = await dialogOf(bob, id, () => true);
      expect(joined).toMatchObject({ kind: "supergroup", title: "flock", unread: 0, top_message: null });
      expect((await bob.client.dialogs.history(id)).items).toEqual([]);
      await ann.client.messages.sendText(id, "new");
      for (const person of [bob, cat]) await person.shows(id, ["new"]);
      expect((await ann.client.groups.get(id)).member_count).toBe(3);
      const first = await ann.client.groups.members(id, { limit: 2 });
      const rest = await ann.client.groups.members(id, { limit: 2, cursor: first.next_cursor ?? "" });
      expect(rest.next_cursor).toBeNull();
      const members = [...first.items, ...rest.items];
      expect(members.map((m) => m.user_id)).toEqual([ann.id, bob.id, cat.id].sort());
      expect(members.find((m) => m.user_id === ann.id)?.role).toBe("owner");

      expect(await codeOf(bob.call("DELETE", `/v1/groups/${id}/members/${cat.id}`))).toBe(403);
      expect(await codeOf(ann.call("POST", `/v1/groups/${id}/leave`))).toBe(841);
      await ann.client.groups.remove(id, cat.id);
      await bob.client.groups.leave(id);
      for (const [person, action] of [
        [cat, "removed"],
        [bob, "left"],
      ] as const) {
        await person.update(action, (u) => u["peer"] === id && u["action"] === action);
        expect(
          await codeOf(person.call("POST", "/v1/messages", { to: id, client_msg_id: "m2", payload: { msg_type: "text", text: "x" } })),
        ).toBe(804);
      }
      await ann.client.messages.sendText(id, "alone");
      await ann.shows(id, [...numbered("old", 3), "new", "alone"]);
      // They keep the dialog as it was.
      const { items } = await bob.client.dialogs.list();
      expect(items.find((d) => d.peer === id)).toMatchObject({ unread: 1, top_message: { payload: { text: "new" } } });
      expect((await bob.client.dialogs.history(id)).items.map((m) => m.payload["text"])).toEqual(["new"]);
      expect(bob.messages.filter((m) => m.conversation_id === id)).toHaveLength(1);
    });

    test("unread: what others said behind the read position, own messages never; another device learns of reading", async () => {
      const [ann, bob] = await Promise.all([people.online("ann"), people.online("bob")]);
      const phone = people.add(await bob.device());
      await phone.connect();
      const id = await supergroupOf(ann, bob);
      for (const text of numbered("a", 4)) await ann.client.messages.sendText(id, text);
      await bob.shows(id, numbered("a", 4));
      await bob.client.messages.sendText(id, "b");
      await ann.client.messages.sendText(id, "a 5");
      const shown = await bob.shows(id, [...numbered("a", 4), "b", "a 5"]);
      expect(await dialogOf(bob, id, (d) => d.top_message?.payload["text"] === "a 5")).toMatchObject({ unread: 5, top_seq: shown[5]?.seq });
      expect(await dialogOf(ann, id, () => true)).toMatchObject({ unread: 1 });
      const seq = shown[1]?.seq ?? 0;
      await bob.client.dialogs.read(id, seq);
      expect(await dialogOf(bob, id, (d) => d.read_seq === seq)).toMatchObject({ unread: 3 });
      await phone.update("READ", (u) => u.type === "READ" && u["peer"] === id && u["read_seq"] === seq && u["unread"] === 3);
      expect(await system().store.dialogs.recountUnread(bob.id, id)).toBe(3);
      await bob.client.dialogs.read(id, 1);
      expect(await dialogOf(bob, id, () => true)).toMatchObject({ unread: 3, read_seq: seq });
      await bob.client.dialogs.read(id, 1_000_000);
      expect(await dialogOf(bob, id, (d) => d.unread === 0)).toMatchObject({ read_seq: bob.client.state.supergroups?.[id] });
      await ann.client.messages.sendText(id, "a 6");
      expect(await dialogOf(bob, id, (d) => d.top_message?.payload["text"] === "a 6")).toMatchObject({ unread: 1 });
    });

    test("supergroups stand among the dialogs by their last message, paged without gaps or doubles", async () => {
      const [ann, bob] = await Promise.all([people.online("ann"), people.online("bob")]);
      const ids: string[] = [];
      for (let i = 0; i < 3; i++) ids.push(await supergroupOf(ann, bob));
      const [first = "", second = "", third = ""] = ids;
      const say = async (to: string, conversation: string, texts: string[]): Promise<void> => {
        await ann.client.messages.sendText(to, texts.at(-1) ?? "");
        await bob.shows(conversation, texts);
      };
      await say(second, second, ["1"]);
      const { conversation_id } = await ann.client.messages.sendText(bob.id, "2");
      await bob.shows(conversation_id, ["2"]);
      await say(first, first, ["3"]);
      await say(third, third, ["4"]);
      await say(second, second, ["1", "5"]);
      const peers: string[] = [];
      let cursor: string | null = null;
      do {
        const page: { items: Dialog[]; next_cursor: string | null } = await bob.client.dialogs.list({
          limit: 1,
          ...(cursor ? { cursor } : {}),
        });
        peers.push(...page.items.map((d) => d.peer));
        cursor = page.next_cursor;
      } while (cursor !== null);
      expect(peers).toEqual([second, third, first, ann.id]);
    });

    test("a group is upgraded: history, positions and members go along, the group is closed", async () => {
      const [ann, bob, cat] = await Promise.all([people.online("ann"), people.online("bob"), people.online("cat")]);
      const group = await ann.client.groups.create("small", [bob.id, cat.id]);
      for (const text of numbered("g", 5)) await ann.client.messages.sendText(group.id, text);
      const shown = await bob.shows(group.id, numbered("g", 5));
      await bob.client.dialogs.read(group.id, shown[1]?.seq ?? 0);
      expect(await codeOf(bob.call("POST", `/v1/groups/${group.id}/upgrade`))).toBe(403);
      const id = await ann.client.groups.upgrade(group.id);
      for (const person of [ann, bob, cat]) {
        await person.update("upgraded", (u) => u["peer"] === id && u["action"] === "upgraded" && u["upgraded_from"] === group.id);
      }
      expect(await dialogOf(bob, id, () => true)).toMatchObject({ unread: 3, read_seq: 2, top_message: { payload: { text: "g 5" } } });
      expect(await system().store.dialogs.recountUnread(bob.id, id)).toBe(3);
      expect((await bob.client.dialogs.list()).items.map((d) => d.peer)).toEqual([id]);
      await bob.client.messages.sendText(id, "s 1");
      for (const person of [ann, bob, cat]) await person.shows(id, ["s 1"]);
      const { items } = await bob.client.dialogs.history(id, { limit: 4 });
      expect(items.map((m) => m.payload["text"])).toEqual(["g 3", "g 4", "g 5", "s 1"]);
      expect(items.every((m) => m.conversation_id === id)).toBe(true);
      const older = await bob.client.dialogs.history(id, { before_seq: items[0]?.seq ?? 0, limit: 10 });
      expect(older.items.map((m) => m.payload["text"])).toEqual(["g 1", "g 2"]);
      const newer = await bob.client.dialogs.history(id, { after_seq: 3, limit: 10 });
      expect(newer.items.map((m) => m.payload["text"])).toEqual(["g 4", "g 5", "s 1"]);
      await bob.client.dialogs.read(id, 4);
      expect(await dialogOf(bob, id, (d) => d.read_seq === 4)).toMatchObject({ unread: 1 });
      const closed = await ann.call("POST", "/v1/messages", {
        to: group.id,
        client_msg_id: "late",
        payload: { msg_type: "text", text: "x" },
      });
      expect(closed.status).toBe(409);
      expect(await closed.json()).toMatchObject({ code: 840, data: { upgraded_to: id } });
      expect(await codeOf(ann.call("POST", `/v1/groups/${group.id}/upgrade`))).toBe(840);
    });
  });
};
