import type { PresenceState } from "@dunlin/client";
import { afterEach, describe, expect, test } from "vitest";
import { eventually } from "../support/eventually.js";
import { People, type Person } from "../support/person.js";
import type { System } from "../support/system.js";

/** Who is there: many devices make one presence, told to those who asked and may know. */
export const presenceScenarios = (system: () => System): void => {
  describe("presence", () => {
    const people = new People(system);
    afterEach(() => people.leave());

    /** Waits until `person` holds `other` for this. */
    const sees = (person: Person, other: Person, status: string): Promise<PresenceState> =>
      eventually(`${person.account} sees ${other.account} ${status}`, () => {
        const known = person.client.presence.of(other.id);
        return known?.status === status && known;
      });

    test("coming, being away, going: of all devices together, and the time of the last", async () => {
      const [ann, bob] = await Promise.all([people.registered("ann"), people.online("bob")]);
      const begin = Date.now();
      const [before] = await bob.client.presence.follow([ann.id]);
      expect(before).toMatchObject({ user_id: ann.id, status: "offline" });
      await ann.connect();
      await sees(bob, ann, "active");
      await ann.client.presence.set("away");
      await sees(bob, ann, "away");
      const phone = people.add(await ann.device());
      await phone.connect();
      await sees(bob, ann, "active");
      await phone.disconnect();
      await sees(bob, ann, "away");
      await ann.disconnect();
      const { last_seen } = await sees(bob, ann, "offline");
      expect(last_seen).toBeGreaterThanOrEqual(begin);
      expect(await bob.client.presence.get([ann.id, bob.id])).toEqual([
        { user_id: ann.id, status: "offline", last_seen },
        { user_id: bob.id, status: "active", last_seen: null },
      ]);
    });

    test("only who follows is told, and what is followed and one's own state last over a new connection", async () => {
      const [ann, bob, cem] = await Promise.all([people.online("ann"), people.online("bob"), people.online("cem")]);
      const heard: unknown[] = [];
      cem.client.on("presence", (state) => heard.push(state));
      await bob.client.presence.follow([ann.id]);
      await bob.client.presence.set("away");
      await bob.disconnect();
      await bob.connect();
      await ann.client.presence.set("away");
      await sees(bob, ann, "away");
      await eventually("bob is away again", async () => (await ann.client.presence.get([bob.id]))[0]?.status === "away");
      // Following others replaces those before.
      await bob.client.presence.follow([cem.id]);
      await ann.client.presence.set("active");
      await cem.client.presence.set("away");
      await sees(bob, cem, "away");
      expect(bob.client.presence.of(ann.id)).toBeUndefined();
      expect(heard).toEqual([]);
    });

    test("who is blocked sees nobody there, at once and afterwards, and neither does who blocked", async () => {
      const [ann, bob] = await Promise.all([people.online("ann"), people.online("bob")]);
      await bob.client.presence.follow([ann.id]);
      await ann.client.presence.follow([bob.id]);
      await sees(bob, ann, "active");
      await sees(ann, bob, "active");
      await ann.client.blocks.add(bob.id);
      expect(await sees(bob, ann, "offline")).toMatchObject({ last_seen: null });
      await sees(ann, bob, "offline");
      const hidden = { user_id: ann.id, status: "offline", last_seen: null };
      expect(await bob.client.presence.get([ann.id])).toEqual([hidden]);
      expect(await bob.client.presence.follow([ann.id])).toEqual([hidden]);
      expect(await ann.client.presence.get([ann.id])).toEqual([{ ...hidden, status: "active" }]);
      await ann.client.blocks.remove(bob.id);
      await sees(bob, ann, "active");
      await sees(ann, bob, "active");
    });

    test("shown to nobody, to contacts, to everyone: a change is told to who follows at once", async () => {
      const [ann, bob] = await Promise.all([people.online("ann"), people.online("bob")]);
      await bob.client.presence.follow([ann.id]);
      await sees(bob, ann, "active");
      const show = async (last_seen: "everyone" | "contacts" | "nobody"): Promise<void> => {
        await ann.client.privacy.set({ ...(await ann.client.privacy.get()), last_seen });
      };
      await show("nobody");
      expect(await sees(bob, ann, "offline")).toMatchObject({ last_seen: null });
      const [hidden] = await bob.client.presence.get([ann.id]);
      expect(hidden).toEqual({ user_id: ann.id, status: "offline", last_seen: null });
      await ann.client.contacts.request(bob.id);
      await bob.client.contacts.accept(ann.id);
      await show("contacts");
      await sees(bob, ann, "active");
      await bob.client.contacts.remove(ann.id);
      await sees(bob, ann, "offline");
      await show("everyone");
      await sees(bob, ann, "active");
    });

    test("refused: more than 500 users, doubled parameters, ids of other things, the status of a device that is not connected", async () => {
      const ann = await people.registered("ann");
      const answer = async (method: string, path: string, body?: unknown): Promise<[number, number]> => {
        const response = await ann.call(method, path, body);
        return [response.status, ((await response.json()) as { code: number }).code];
      };
      const ids = Array.from({ length: 501 }, (_, i) => `U${String(i).replaceAll("0", "z").padStart(14, "A")}`);
      expect(await answer("PUT", "/v1/presence/subscriptions", { user_ids: ids })).toEqual([400, 400]);
      expect(await answer("PUT", "/v1/presence/subscriptions", { user_ids: ids.slice(0, 500) })).toEqual([200, 0]);
      expect(await answer("PUT", "/v1/presence/subscriptions", { user_ids: ["G11111111111111"] })).toEqual([400, 400]);
      expect(await answer("GET", `/v1/presence?user_ids=${ann.id}&user_ids=${ann.id}`)).toEqual([400, 400]);
      expect(await answer("GET", `/v1/presence?user_ids=${ids.slice(0, 101).join(",")}`)).toEqual([400, 400]);
      expect(await answer("GET", "/v1/presence?user_ids=")).toEqual([400, 400]);
      expect(await answer("PUT", "/v1/presence", { status: "invisible" })).toEqual([400, 400]);
      expect(await answer("PUT", "/v1/presence", { status: "away" })).toEqual([409, 850]);
    });
  });
};
