import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { groupKinds, ledGroup, refused } from "../support/led-group.js";
import { People, type Person } from "../support/person.js";
import type { System } from "../support/system.js";

/** Who gets into a group or a supergroup: bans, invite links, requests. */
export const groupJoiningScenarios = (system: () => System): void => {
  describe.each(groupKinds)("getting into a %s", (kind) => {
    const people = new People(system);
    let ann: Person;
    let bob: Person;
    let cem: Person;
    let group: string;
    beforeEach(async () => {
      ({ ann, bob, cem, group } = await ledGroup(people, kind, "outside"));
    });
    afterEach(() => people.leave());

    const memberUpdate = (person: Person, action: string, userId: string) =>
      person.news(`that ${userId} is ${action}`, (u) => u.type === "MEMBER" && u["action"] === action && `${u["user_ids"]}` === userId);
    const requestUpdate = (person: Person, state: string, of = cem) =>
      person.update(`a request ${state}`, (u) => u.type === "JOIN_REQUEST" && u["state"] === state && u["user_id"] === of.id);
    const members = async (): Promise<string[]> => (await ann.client.groups.members(group)).items.map((member) => member.user_id);

    test("who is banned goes out and cannot come back until the ban is lifted", async () => {
      await ann.client.groups.add(group, [cem.id]);
      await bob.client.groups.ban(group, cem.id);
      for (const person of [ann, bob, cem]) await memberUpdate(person, "banned", cem.id);
      expect(await members()).not.toContain(cem.id);
      await expect(cem.client.messages.sendText(group, "hm")).rejects.toEqual(refused(804));
      await expect(ann.client.groups.add(group, [cem.id])).rejects.toEqual(refused(833));
      await ann.client.groups.update(group, { join: "link" });
      const { link } = await ann.client.groups.newInviteLink(group);
      await expect(cem.client.groups.join(link)).rejects.toEqual(refused(833));
      // One can be banned before having ever been in.
      const dot = await people.registered("dot");
      await ann.client.groups.ban(group, dot.id);
      const { items } = await bob.client.groups.bans(group);
      expect(items.map((ban) => [ban.user_id, ban.banned_by]).sort()).toEqual(
        [
          [cem.id, bob.id],
          [dot.id, ann.id],
        ].sort(),
      );
      const first = await bob.client.groups.bans(group, { limit: 1 });
      const second = await bob.client.groups.bans(group, { limit: 1, cursor: first.next_cursor ?? "" });
      expect([...first.items, ...second.items]).toEqual(items);
      expect(second.next_cursor).toBeNull();
      await expect(ann.client.groups.ban(group, `U${"1".repeat(14)}`)).rejects.toEqual(refused(803));
      await ann.client.groups.unban(group, cem.id);
      await memberUpdate(bob, "unbanned", cem.id);
      expect(await cem.client.groups.join(link)).toEqual({ state: "joined", group_id: group });
      await memberUpdate(ann, "joined", cem.id);
    });

    test("a link leads in while it lives: limited, replaced, revoked, switched off", async () => {
      const { groups } = ann.client;
      const { link } = await groups.newInviteLink(group, { max_uses: 2 });
      // A link alone opens nothing.
      if (kind === "supergroup") await groups.update(group, { join: "invite" });
      await expect(cem.client.groups.join(link)).rejects.toEqual(refused(835));
      await groups.update(group, { join: "link" });
      expect(await cem.client.groups.join(link)).toEqual({ state: "joined", group_id: group });
      for (const person of [ann, bob, cem]) await memberUpdate(person, "joined", cem.id);
      // Once more is no further use.
      expect(await cem.client.groups.join(link)).toMatchObject({ state: "joined" });
      expect(await bob.client.groups.inviteLink(group)).toEqual({ link, expires_at: 0, max_uses: 2, uses: 1 });
      await cem.client.messages.sendText(group, "hello");
      await ann.shows(group, ["hello"]);
      const [dot, eve] = await Promise.all([people.registered("dot"), people.registered("eve")]);
      await dot.client.groups.join(link);
      await expect(eve.client.groups.join(link)).rejects.toEqual(refused(835));

      const next = await bob.client.groups.newInviteLink(group);
      await ann.update("the new link", (u) => u.type === "GROUP" && u["action"] === "link_replaced" && u["by"] === bob.id);
      expect(next.link).not.toBe(link);
      await expect(eve.client.groups.join(link)).rejects.toEqual(refused(835));
      await bob.client.groups.revokeInviteLink(group);
      await expect(eve.client.groups.join(next.link)).rejects.toEqual(refused(835));
      await expect(groups.inviteLink(group)).rejects.toEqual(refused(404));
      const past = await groups.newInviteLink(group, { expires_at: Date.now() - 1 });
      await expect(eve.client.groups.join(past.link)).rejects.toEqual(refused(835));
      const open = await groups.newInviteLink(group, { expires_at: Date.now() + 3_600_000 });
      await groups.dissolve(group);
      await expect(eve.client.groups.join(open.link)).rejects.toEqual(refused(835));
      expect((await eve.call("POST", "/v1/groups/join", { link: "not a link!" })).status).toBe(400);
    });

    test("with approval one asks, the leaders learn it, and one of them answers", async () => {
      const phone = people.add(await cem.device());
      await phone.connect();
      await ann.client.groups.update(group, { join: "approval" });
      const { link } = await ann.client.groups.newInviteLink(group);
      expect(await cem.client.groups.join(link, "It's cem from work")).toEqual({ state: "requested", group_id: group });
      for (const person of [ann, bob, cem, phone]) await requestUpdate(person, "pending");
      // Asking again is the same request.
      expect(await cem.client.groups.join(link, "hello?")).toMatchObject({ state: "requested" });
      const { items } = await bob.client.groups.joinRequests(group);
      expect(items).toMatchObject([{ user_id: cem.id, message: "It's cem from work" }]);
      expect((await ann.client.groups.inviteLink(group)).uses).toBe(1);
      expect(await members()).not.toContain(cem.id);
      await expect(cem.client.messages.sendText(group, "hm")).rejects.toEqual(refused(804));

      await ann.client.groups.answerJoinRequest(group, cem.id, true);
      for (const person of [ann, bob, cem, phone]) await memberUpdate(person, "joined", cem.id);
      await cem.client.messages.sendText(group, "thank you");
      await ann.shows(group, ["thank you"]);
      await expect(ann.client.groups.answerJoinRequest(group, cem.id, false)).rejects.toEqual(refused(404));

      // Who is refused does not ask again at once; a leader may still bring that one in.
      const fay = await people.online("fay");
      await fay.client.groups.join(link);
      await expect(cem.client.groups.answerJoinRequest(group, fay.id, true)).rejects.toEqual(refused(403));
      await bob.client.groups.answerJoinRequest(group, fay.id, false);
      for (const person of [ann, bob, fay]) await requestUpdate(person, "refused", fay);
      expect((await ann.client.groups.joinRequests(group)).items).toEqual([]);
      await expect(ann.client.groups.answerJoinRequest(group, fay.id, true)).rejects.toEqual(refused(404));
      await expect(fay.client.groups.join(link)).rejects.toEqual(refused(846));
      expect((await ann.client.groups.inviteLink(group)).uses).toBe(2);
      await ann.client.groups.add(group, [fay.id]);
      expect(await members()).toContain(fay.id);
      // Who was brought in meanwhile, or banned, waits no longer.
      const [dot, eve] = await Promise.all([people.registered("dot"), people.registered("eve")]);
      for (const person of [dot, eve]) await person.client.groups.join(link);
      await ann.client.groups.add(group, [dot.id]);
      await ann.client.groups.ban(group, eve.id);
      expect((await bob.client.groups.joinRequests(group)).items).toEqual([]);
    });
  });
};
