import type { PrivacySettings } from "@dunlin/client";
import { afterEach, describe, expect, test } from "vitest";
import { eventually } from "../support/eventually.js";
import { People, type Person } from "../support/person.js";
import type { System } from "../support/system.js";

const OPEN: PrivacySettings = { messages: "everyone", groups: "everyone", last_seen: "everyone", find_by_account: true };

/** What one lets others do, what one shows of oneself, and to whom. */
export const privacyScenarios = (system: () => System): void => {
  describe("privacy", () => {
    const people = new People(system);
    afterEach(() => people.leave());

    const pair = (): Promise<[Person, Person]> => Promise.all([people.online("ann"), people.online("bob")]);
    const befriend = async (one: Person, other: Person): Promise<void> => {
      await one.client.contacts.request(other.id);
      await other.client.contacts.accept(one.id);
    };
    /** Until the apisvc of this person no longer takes what it knew before for current. */
    const refusal = (code: number, call: () => Promise<unknown>) =>
      eventually(`the answer ${code}`, async () => {
        const error = await call().then(
          () => undefined,
          (thrown: unknown) => thrown as { code: number },
        );
        return error?.code === code;
      });

    test("everything is open until something is set; one's devices follow", async () => {
      const ann = await people.online("ann");
      const phone = people.add(await ann.device());
      await phone.connect();
      expect(await ann.client.privacy.get()).toEqual(OPEN);
      const mine: PrivacySettings = { messages: "contacts", groups: "contacts", last_seen: "nobody", find_by_account: false };
      expect(await ann.client.privacy.set(mine)).toEqual(mine);
      expect(await phone.update("PRIVACY", (u) => u.type === "PRIVACY")).toMatchObject(mine);
      expect(await phone.client.privacy.get()).toEqual(mine);
      const { messages: _, ...part } = mine;
      for (const wrong of [part, { ...mine, messages: "nobody" }, { ...mine, more: 1 }, { ...mine, find_by_account: "yes" }]) {
        expect((await ann.call("PUT", "/v1/privacy", wrong)).status).toBe(400);
      }
    });

    test("messages from contacts alone: strangers get the answer the blocked get, contacts get through", async () => {
      const [ann, bob] = await pair();
      await ann.client.privacy.set({ ...OPEN, messages: "contacts" });
      await refusal(860, () => bob.client.messages.sendText(ann.id, "a stranger"));
      await befriend(bob, ann);
      const { conversation_id } = await bob.client.messages.sendText(ann.id, "a contact");
      await eventually("the message", () => ann.messages.some((m) => m.payload["text"] === "a contact"));
      await ann.client.messages.sendText(bob.id, "back");
      await eventually("the answer", () => bob.messages.some((m) => m.conversation_id === conversation_id && m.from === ann.id));
      await bob.client.contacts.remove(ann.id);
      await refusal(860, () => bob.client.messages.sendText(ann.id, "no longer"));
    });

    test("groups by contacts alone: strangers can neither create with nor add, contacts can", async () => {
      const [ann, bob] = await pair();
      await ann.client.privacy.set({ ...OPEN, groups: "contacts" });
      const group = await bob.client.groups.create("bob's", []);
      await expect(bob.client.groups.add(group.id, [ann.id])).rejects.toMatchObject({ status: 403, code: 861 });
      await expect(bob.client.groups.create("with ann", [ann.id])).rejects.toMatchObject({ status: 403, code: 861 });
      await befriend(ann, bob);
      await bob.client.groups.add(group.id, [ann.id]);
      await ann.update("MEMBER", (u) => u.type === "MEMBER" && u["peer"] === group.id);
    });

    test("found by account only if allowed: one answer for nobody, the hidden and the blocked", async () => {
      const [ann, bob] = await pair();
      expect((await bob.client.users.byAccount(ann.account)).id).toBe(ann.id);
      const look = async (account: string) => {
        const answer = await bob.call("GET", `/v1/users?account=${account}`);
        return [answer.status, await answer.json()];
      };
      const nobody = await look("nobody-has-this-one");
      expect(nobody).toMatchObject([404, { code: 404 }]);
      await ann.client.privacy.set({ ...OPEN, find_by_account: false });
      expect(await look(ann.account)).toEqual(nobody);
      expect((await ann.client.users.byAccount(ann.account)).id).toBe(ann.id);
      await befriend(bob, ann);
      expect((await bob.client.users.byAccount(ann.account)).id).toBe(ann.id);
      await ann.client.privacy.set(OPEN);
      await ann.client.blocks.add(bob.id);
      expect(await look(ann.account)).toEqual(nobody);
      await expect(ann.client.users.byAccount(bob.account)).rejects.toMatchObject({ status: 404 });
    });

    test("a stranger does not see the account name of one who is not found by it, nor the blocked what one says", async () => {
      const [ann, bob] = await pair();
      await ann.client.users.updateMe({ bio: "birds" });
      expect(await bob.client.users.get(ann.id)).toMatchObject({ account: ann.account, nickname: "ann", bio: "birds" });
      await ann.client.privacy.set({ ...OPEN, find_by_account: false });
      await eventually("no account name", async () => (await bob.client.users.get(ann.id)).account === "");
      expect(await ann.client.users.get(ann.id)).toMatchObject({ account: ann.account, bio: "birds" });
      await ann.client.blocks.add(bob.id);
      await eventually("no bio", async () => (await bob.client.users.get(ann.id)).bio === "");
      expect(await bob.client.users.get(ann.id)).toMatchObject({ nickname: "ann" });
    });
  });

  describe("profiles", () => {
    const people = new People(system);
    afterEach(() => people.leave());

    test("one's devices and contacts are told of a new profile, everybody sees it when they look", async () => {
      const [ann, bob, cem] = await Promise.all([people.online("ann"), people.online("bob"), people.online("cem")]);
      const phone = people.add(await ann.device());
      await phone.connect();
      await ann.client.contacts.request(bob.id);
      await bob.client.contacts.accept(ann.id);
      await cem.client.messages.sendText(ann.id, "hi");
      const profile = { nickname: "Ännchen 🐦", avatar: "https://example.org/a.png", bio: "It's me" };
      expect(await ann.client.users.updateMe(profile)).toMatchObject(profile);
      for (const device of [ann, phone, bob]) {
        expect(await device.update("PROFILE", (u) => u.type === "PROFILE")).toMatchObject({ user_id: ann.id, ...profile });
      }
      // The same again tells nobody; one field leaves the others.
      await ann.client.users.updateMe(profile);
      expect(await ann.client.users.updateMe({ bio: "" })).toMatchObject({ ...profile, bio: "" });
      await bob.update("the second", (u) => u.type === "PROFILE" && u["bio"] === "");
      expect(bob.updates.filter((u) => u.type === "PROFILE")).toHaveLength(2);
      expect((await bob.client.contacts.list()).items).toMatchObject([{ nickname: profile.nickname, avatar: profile.avatar }]);
      expect(await cem.client.dialogs.get(ann.id)).toMatchObject({ title: profile.nickname, avatar: profile.avatar });
      expect(await cem.client.users.get(ann.id)).toMatchObject({ ...profile, bio: "" });
      expect(cem.updates.some((u) => u.type === "PROFILE")).toBe(false);
    });

    test("a profile is bounded", async () => {
      const ann = await people.registered("ann");
      for (const wrong of [
        {},
        { nickname: "" },
        { nickname: "x".repeat(65) },
        { bio: "x".repeat(257) },
        { avatar: "x" },
        { account: "x" },
      ]) {
        expect((await ann.call("PATCH", "/v1/users/me", wrong)).status).toBe(400);
      }
    });
  });
};
