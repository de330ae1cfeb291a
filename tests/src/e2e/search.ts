import type { Page, Payload, SearchOptions, SearchResult } from "@dunlin/client";
import { afterEach, describe, expect, test } from "vitest";
import { eventually } from "../support/eventually.js";
import { People, type Person } from "../support/person.js";
import type { System } from "../support/system.js";

const NOBODY = `U${"1".repeat(14)}`;

/** Finding one's messages by what they say: the index follows within seconds, so whatever must be found is waited for. */
export const searchScenarios = (system: () => System): void => {
  describe("search", () => {
    const people = new People(system);
    afterEach(() => people.leave());

    const textsOf = ({ items }: Page<SearchResult>): string[] => items.map(({ message }) => String(message.payload["text"]));
    /** Waits until a search finds exactly these, the newest first. */
    const finds = (person: Person, query: string, texts: readonly string[], options: SearchOptions = {}): Promise<Page<SearchResult>> =>
      eventually(`${person.account} finds ${texts.length} by ${query}`, async () => {
        const page = await person.client.search.messages(query, options);
        return JSON.stringify(textsOf(page)) === JSON.stringify(texts) && page;
      });
    const say = async (from: Person, to: string, ...texts: string[]): Promise<string[]> => {
      const ids: string[] = [];
      for (const text of texts) ids.push((await from.client.messages.sendText(to, text)).id);
      return ids;
    };

    test("Chinese by one character, two and more; words in any writing, the last one unfinished; emoji", async () => {
      const [ann, bob] = await Promise.all([people.registered("ann"), people.registered("bob")]);
      const said = ["今天天气很好", "我用iPhone拍的照片", "Meet me at the Café", "done 🎉", "明天下雨"];
      const ids = await say(ann, bob.id, ...said);
      await finds(bob, "明天", ["明天下雨"]);
      await finds(bob, "天", ["明天下雨", "今天天气很好"]);
      await finds(ann, "天气", ["今天天气很好"]);
      await finds(ann, "天气很好", ["今天天气很好"]);
      await finds(bob, "iphone 照片", ["我用iPhone拍的照片"]);
      await finds(bob, "🎉", ["done 🎉"]);
      const { items, next_cursor } = await finds(bob, "ｍｅｅｔ caf", ["Meet me at the Café"]);
      expect(next_cursor).toBeNull();
      expect(items[0]).toMatchObject({
        message: { id: ids[2], seq: 3, from: ann.id, to: bob.id, type: "C2C" },
        dialog: { peer: ann.id, kind: "user", title: "ann", avatar: "" },
        sender: { id: ann.id, nickname: "ann", avatar: "" },
      });
      // Together in no order, apart in pairs: not what was said.
      for (const query of ["气天", "天很", "eet", "caf me meet now", "的照 明天"]) await finds(bob, query, []);
      await finds(ann, "天", ["明天下雨", "今天天气很好"], { peer: bob.id });
      await finds(bob, "the at", ["Meet me at the Café"]);
    });

    test("edited messages are found by what they say now; recalled and deleted ones not at all", async () => {
      const [ann, bob] = await Promise.all([people.registered("ann"), people.registered("bob")]);
      const [edited = "", recalled = "", deleted = ""] = await say(ann, bob.id, "apple one", "apple two", "apple three");
      await finds(bob, "apple", ["apple three", "apple two", "apple one"]);
      await ann.client.messages.edit(edited, { msg_type: "text", text: "pear one" });
      await ann.client.messages.recall(recalled);
      await bob.client.messages.deleteForMe(deleted);
      await finds(bob, "pear", ["pear one"]);
      await finds(bob, "apple", []);
      await finds(bob, "two", []);
      await finds(ann, "apple", ["apple three"]);
      // A deleted dialog takes what was in it along, for oneself.
      await bob.client.dialogs.remove(ann.id);
      await finds(bob, "pear", []);
      await say(ann, bob.id, "pear again");
      await finds(bob, "pear", ["pear again"]);
      await finds(ann, "pear", ["pear again", "pear one"]);
    });

    test("a group: from joining to leaving, nothing for strangers; also when it goes on as a supergroup", async () => {
      const [ann, bob, cem, eve] = await Promise.all([
        people.registered("ann"),
        people.registered("bob"),
        people.registered("cem"),
        people.registered("eve"),
      ]);
      const { id: group } = await ann.client.groups.create("tea party", [bob.id]);
      await say(ann, group, "sugar first");
      await ann.client.groups.add(group, [cem.id]);
      await say(bob, group, "sugar second");
      await finds(bob, "sugar", ["sugar second", "sugar first"]);
      const { items } = await finds(cem, "sugar", ["sugar second"]);
      expect(items[0]?.dialog).toEqual({ peer: group, kind: "group", title: "tea party", avatar: "" });
      expect(items[0]?.sender).toMatchObject({ id: bob.id, nickname: "bob" });
      await bob.client.groups.leave(group);
      await say(ann, group, "sugar third");
      await finds(cem, "sugar", ["sugar third", "sugar second"]);
      await finds(bob, "sugar", ["sugar second", "sugar first"]);
      await finds(bob, "sugar", ["sugar second", "sugar first"], { peer: group });
      await finds(eve, "sugar", []);
      await expect(eve.client.search.messages("sugar", { peer: group })).rejects.toMatchObject({ status: 403, code: 804 });

      const supergroup = await ann.client.groups.upgrade(group);
      await say(cem, supergroup, "sugar fourth");
      await finds(ann, "sugar", ["sugar fourth", "sugar third", "sugar second", "sugar first"]);
      const page = await finds(cem, "sugar", ["sugar fourth", "sugar third", "sugar second"], { peer: supergroup });
      expect(page.items.map(({ message, dialog }) => [message.conversation_id, dialog.kind, dialog.title])).toEqual(
        Array.from({ length: 3 }, () => [supergroup, "supergroup", "tea party"]),
      );
      await finds(bob, "sugar", ["sugar second", "sugar first"]);
    });

    test("a supergroup: edits, recalls and what one deletes, also of messages from when it was a group", async () => {
      const [ann, bob, cem] = await Promise.all([people.registered("ann"), people.registered("bob"), people.registered("cem")]);
      const { id: group } = await ann.client.groups.create("tea party", [bob.id]);
      const [before = "", hidden = ""] = await say(ann, group, "salt 一", "salt 二");
      await finds(bob, "salt", ["salt 二", "salt 一"]);
      const supergroup = await ann.client.groups.upgrade(group);
      const [edited = "", recalled = ""] = await say(ann, supergroup, "salt 三", "salt 四", "salt 五");
      await finds(bob, "salt", ["salt 五", "salt 四", "salt 三", "salt 二", "salt 一"]);
      await ann.client.messages.edit(before, { msg_type: "text", text: "pepper 一" });
      await ann.client.messages.edit(edited, { msg_type: "text", text: "pepper 三" });
      await ann.client.messages.recall(recalled);
      await bob.client.messages.deleteForMe(hidden);
      await finds(bob, "salt", ["salt 五"]);
      await finds(ann, "salt", ["salt 五", "salt 二"]);
      // Nor can it be passed on, once its server knows that the group goes on elsewhere.
      await eventually("the upgrade is known", async () => {
        const history = await bob.call("GET", `/v1/dialogs/${group}/messages`);
        return ((await history.json()) as { code: number }).code === 840;
      });
      const gone = { to: ann.id, payload: { msg_type: "text", text: "x" }, forwarded_from: { message_id: hidden } };
      await expect(bob.client.messages.send(gone)).rejects.toMatchObject({ status: 404, code: 817 });
      await finds(bob, "pepper", ["pepper 三", "pepper 一"]);
      await ann.client.groups.update(supergroup, { join: "open" });
      await cem.client.groups.joinSupergroup(supergroup);
      await finds(cem, "salt", []);
      await bob.client.groups.leave(supergroup);
      await say(ann, supergroup, "salt 六");
      await finds(cem, "salt", ["salt 六"]);
      await finds(bob, "salt", ["salt 五"]);
    });

    test("pages: the newest first, no gap and no double while messages arrive; a cursor is good for its search alone", async () => {
      const [ann, bob, cem] = await Promise.all([people.registered("ann"), people.registered("bob"), people.registered("cem")]);
      const said = Array.from({ length: 7 }, (_, i) => `page ${i + 1}`);
      for (const [i, text] of said.entries()) await say(i % 2 ? bob : cem, ann.id, text);
      const newestFirst = said.toReversed();
      await finds(ann, "page", newestFirst);
      const seen: string[] = [];
      let cursor: string | undefined;
      do {
        const page = await ann.client.search.messages("page", { limit: 2, ...(cursor === undefined ? {} : { cursor }) });
        seen.push(...textsOf(page));
        if (cursor === undefined) {
          await say(bob, ann.id, "page 8");
          await finds(ann, "page", ["page 8", ...newestFirst]);
        }
        cursor = page.next_cursor ?? undefined;
      } while (cursor !== undefined);
      expect(seen).toEqual(newestFirst);
      const { next_cursor } = await ann.client.search.messages("page", { limit: 2 });
      const refused = expect.objectContaining({ status: 400, code: 400 });
      await expect(ann.client.search.messages("other", { cursor: next_cursor ?? "" })).rejects.toEqual(refused);
      await expect(bob.client.search.messages("page", { cursor: next_cursor ?? "" })).rejects.toEqual(refused);
    });

    test("names of files, captions, places and cards are found; apps' own payloads and system notices are not", async () => {
      const [ann, bob] = await Promise.all([people.registered("ann"), people.registered("bob")]);
      const send = (payload: Payload) => ann.client.messages.send({ to: bob.id, payload });
      await send({ msg_type: "custom", text: "zebra" });
      const place = await send({ msg_type: "location", latitude: 1, longitude: 2, title: "Zebra Crossing" });
      const card = await send({ msg_type: "card", peer: ann.id, title: "动物园 zebra" });
      const found = await eventually("both", async () => {
        const { items } = await bob.client.search.messages("zebra");
        return items.length === 2 && items;
      });
      expect(found.map(({ message }) => message.id)).toEqual([card.id, place.id]);
    });

    test("refused: no token, no words, too many, too long, a peer that is not one's to read", async () => {
      const [ann, bob] = await Promise.all([people.registered("ann"), people.registered("bob")]);
      const answer = async (query: string, headers?: Record<string, string>) => {
        const response = await fetch(new URL(`/v1/search?${query}`, ann.apiUrl), {
          headers: headers ?? { authorization: `Bearer ${ann.client.accessToken}` },
        });
        return [response.status, ((await response.json()) as { code: number }).code];
      };
      const q = (text: string): string => `q=${encodeURIComponent(text)}`;
      expect(await answer(q("hi"), {})).toEqual([401, 706]);
      for (const query of [
        "",
        q(""),
        q("   "),
        q("字".repeat(101)),
        q(Array(11).fill("a").join(" ")),
        `${q("a")}&limit=51`,
        `${q("a")}&limit=0`,
      ]) {
        expect(await answer(query), query).toEqual([400, 400]);
      }
      for (const query of [`${q("a")}&peer=x`, `${q("a")}&cursor=zzz`, `${q("a")}&q=b`, `${q("a")}&more=1`]) {
        expect(await answer(query), query).toEqual([400, 400]);
      }
      expect(await answer(q("?! …"))).toEqual([400, 882]);
      expect(await answer(`${q("hi")}&peer=${NOBODY}`)).toEqual([404, 803]);
      for (const query of [
        q(` ${"字".repeat(100)} `),
        q(Array(10).fill("a").join(" ")),
        `${q("hi")}&peer=${bob.id}`,
        q('" OR * ) + - ~ < a'),
      ]) {
        expect(await answer(query), query).toEqual([200, 0]);
      }
    });
  });
};
