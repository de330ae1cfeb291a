import { messageOf, type Update } from "@dunlin/client";
import { afterEach, describe, expect, test } from "vitest";
import { eventually } from "../support/eventually.js";
import { People } from "../support/person.js";
import type { System } from "../support/system.js";

const numbered = (count: number): string[] => Array.from({ length: count }, (_, i) => `n ${i + 1}`);

/** Offline and back, from any place in the log. */
export const catchingUpScenarios = (system: () => System): void => {
  describe("catching up", () => {
    const people = new People(system);
    afterEach(() => people.leave());

    test("offline and back: what was missed comes in order, once, without a reload", async () => {
      const [ann, bob] = await Promise.all([people.online("ann"), people.online("bob")]);
      const { conversation_id } = await ann.client.messages.sendText(bob.id, "hello");
      await bob.shows(conversation_id, ["hello"]);
      await bob.disconnect();
      const missed = numbered(40);
      for (const text of missed) await ann.client.messages.sendText(bob.id, text);
      await ann.shows(conversation_id, ["hello", ...missed]);
      await bob.connect();
      await bob.shows(conversation_id, ["hello", ...missed]);
      expect(bob.reloads).toHaveLength(1);
    });

    test("the difference over HTTP is what the live stream was", async () => {
      const [ann, bob] = await Promise.all([people.online("ann"), people.online("bob")]);
      const texts = numbered(25);
      let conversation = "";
      for (const text of texts) conversation = (await ann.client.messages.sendText(bob.id, text)).conversation_id;
      await bob.shows(conversation, texts);
      const pulled = [];
      for (let pts = 0, more = true; more; ) {
        const page = await bob.client.updates.difference(pts, 10);
        expect(page).toMatchObject({ too_long: false, pts: bob.client.state.pts });
        pulled.push(...page.updates);
        pts = page.updates.at(-1)?.pts ?? pts;
        more = page.has_more;
      }
      expect(pulled.map((u) => u.pts)).toEqual(pulled.map((_, i) => i + 1));
      expect(pulled.slice(-bob.updates.length)).toEqual(bob.updates);
    });

    test("what was deleted meanwhile: a device that pages the difference ends with what the others and the history show", async () => {
      const [ann, bob] = await Promise.all([people.online("ann"), people.online("bob")]);
      const texts = numbered(12);
      let conversation = "";
      for (const text of texts) conversation = (await ann.client.messages.sendText(bob.id, text)).conversation_id;
      const shown = await bob.shows(conversation, texts);
      const deleted = [0, 3, 7, 11].map((i) => shown[i]?.id ?? "");
      for (const id of deleted) await bob.client.messages.deleteForMe(id);
      const recalled = shown[5]?.id ?? "";
      await ann.client.messages.recall(recalled);
      await bob.update("the recall", (u) => u.type === "RECALL" && u["id"] === recalled);
      /** What a device holds that applies these updates, and says in order which it has shown. */
      const applied = (updates: readonly Update[]): string[] => {
        const held = new Map<string, unknown>();
        for (const update of updates) {
          const message = messageOf(update);
          if (message) held.set(message.id, message.payload.msg_type);
          else if (update.type === "DELETE") held.delete(String(update["id"]));
          else if (update.type === "RECALL") held.set(String(update["id"]), "recalled");
        }
        return [...held].map(([id, type]) => `${id} ${type}`);
      };
      const pull = async (size: number): Promise<Update[]> => {
        const pulled: Update[] = [];
        for (let more = true; more; ) {
          const page = await bob.client.updates.difference(pulled.at(-1)?.pts ?? 0, size);
          pulled.push(...page.updates);
          more = page.has_more;
        }
        return pulled;
      };
      const { items } = await bob.client.dialogs.history(ann.id, { limit: 50 });
      const expected = items.map((message) => `${message.id} ${message.payload.msg_type}`);
      expect(expected).toHaveLength(texts.length - deleted.length);
      expect(applied(bob.updates)).toEqual(expected);
      for (const size of [1, 5, 1_000]) expect(applied(await pull(size))).toEqual(expected);
      // Each DELETE comes behind its message, on one page or on another.
      const log = await pull(1_000);
      for (const id of deleted) {
        const at = (type: string) => log.findIndex((update) => update.type === type && update["id"] === id);
        expect(at("C2C")).toBeGreaterThanOrEqual(0);
        expect(at("DELETE")).toBeGreaterThan(at("C2C"));
      }
    });

    test("an old pts: everything since then, and what is on its way at that moment", async () => {
      const [ann, bob] = await Promise.all([people.online("ann"), people.online("bob")]);
      const texts = numbered(30);
      const { conversation_id } = await ann.client.messages.sendText(bob.id, texts[0] ?? "");
      for (const text of texts.slice(1, 15)) await ann.client.messages.sendText(bob.id, text);
      await bob.shows(conversation_id, texts.slice(0, 15));
      const older = people.add(bob.restarted((bob.messages[4] as unknown as { pts: number }).pts));
      await bob.disconnect();
      const sending = (async () => {
        for (const text of texts.slice(15)) await ann.client.messages.sendText(bob.id, text);
      })();
      await older.connect();
      await sending;
      await older.shows(conversation_id, texts.slice(5));
      expect(older.reloads).toEqual([]);
    });

    test("a pts from the future: reload", async () => {
      const ann = await people.online("ann");
      const pts = ann.client.state.pts ?? 0;
      const future = people.add(ann.restarted(pts + 1_000));
      await ann.disconnect();
      await future.connect();
      expect(future.reloads).toEqual([pts]);
    });

    test("a pts older than what is kept: too_long, reload, and on from there", async () => {
      const [ann, bob] = await Promise.all([people.online("ann"), people.online("bob")]);
      let conversation = "";
      const texts = numbered(12);
      for (const text of texts) conversation = (await ann.client.messages.sendText(bob.id, text)).conversation_id;
      await bob.shows(conversation, texts);
      const newest = bob.client.state.pts ?? 0;
      const late = people.add(bob.restarted(newest - 10));
      await bob.disconnect();
      await eventually("the log trimmed", async () => {
        await system().store.updates.trim(0, 5, 10_000);
        return (await system().store.updates.difference(bob.id, newest - 10, 100)).tooLong;
      });

      const answer = await late.client.updates.difference(newest - 10);
      expect(answer).toMatchObject({ too_long: true, pts: newest, updates: [] });
      await late.connect();
      expect(late.reloads).toEqual([newest]);
      // The dialogs have it all.
      const { items } = await late.client.dialogs.history(ann.id, { limit: 50 });
      expect(items.map((m) => m.payload["text"])).toEqual(texts);
      await ann.client.messages.sendText(bob.id, "and on");
      await late.shows(conversation, ["and on"]);
      // What is still kept is not too long ago.
      expect(await late.client.updates.difference(newest - 3)).toMatchObject({ too_long: false });
    });
  });
};
