import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { eventually } from "../support/eventually.js";
import { groupKinds, ledGroup, refused } from "../support/led-group.js";
import { People, type Person } from "../support/person.js";
import type { System } from "../support/system.js";

const HOUR_MS = 3_600_000;

/** Who may do what in a group or a supergroup, and that all of its members learn it. */
export const groupGovernanceScenarios = (system: () => System): void => {
  describe.each(groupKinds)("governing a %s", (kind) => {
    const people = new People(system);
    let ann: Person;
    let bob: Person;
    let cem: Person;
    let group: string;
    beforeEach(async () => {
      ({ ann, bob, cem, group } = await ledGroup(people, kind, "member"));
      await told([ann, bob, cem], "the admin", { type: "MEMBER", action: "changed", user_ids: [bob.id], role: "admin" });
    });
    afterEach(() => people.leave());

    /** All of them get news with these fields. */
    const told = (persons: readonly Person[], what: string, fields: Record<string, unknown>): Promise<unknown> =>
      Promise.all(
        persons.map((person) =>
          person.news(what, (news) =>
            Object.entries({ peer: group, ...fields }).every(([name, value]) => JSON.stringify(news[name]) === JSON.stringify(value)),
          ),
        ),
      );
    /** At once, or by a REJECT: another apisvc may take for a few seconds what was so before. */
    const cannotSend = async (person: Person, code: number): Promise<void> => {
      const answer = await person.client.messages.sendText(group, "hm").catch((error: unknown) => error as Error);
      if (answer instanceof Error) expect(answer).toEqual(refused(code));
      else await person.update("the refusal", (u) => u.type === "REJECT" && u["id"] === answer.id && u["code"] === code);
    };
    const roles = async (): Promise<Record<string, string>> => {
      const { items } = await cem.client.groups.members(group);
      return Object.fromEntries(items.map((member) => [member.user_id, member.role]));
    };

    test("its title, picture, announcement and rules are everybody's to see and the leaders' to change", async () => {
      const phone = people.add(await cem.device());
      await phone.connect();
      const change = {
        title: "Tea ☕",
        avatar: "https://example.org/tea.png",
        announcement: "At five.\nBring cups.",
        join: "link" as const,
      };
      expect(await bob.client.groups.update(group, change)).toMatchObject({ ...change, slow_mode_s: 0, dissolved_at: 0 });
      await told([ann, bob, cem, phone], "the change", { type: "GROUP", action: "changed", by: bob.id, ...change });
      expect(await cem.client.groups.get(group)).toMatchObject(change);
      expect(await cem.client.dialogs.get(group)).toMatchObject({ title: "Tea ☕", avatar: change.avatar });
      await expect(cem.client.groups.update(group, { title: "Coffee" })).rejects.toEqual(refused(403));
      const { pts, supergroups } = ann.client.state;
      // What changes nothing is told to nobody.
      await bob.client.groups.update(group, { title: "Tea ☕" });
      expect((await ann.client.updates.difference(pts ?? 0)).pts).toBe(pts);
      expect(ann.client.state.supergroups).toEqual(supergroups);
      for (const bad of [
        {},
        { title: "" },
        { slow_mode_s: -1 },
        { join: kind === "group" ? "open" : "everybody" },
        { announcement: "x".repeat(2_001) },
        { owner_id: cem.id },
      ]) {
        expect((await ann.call("PATCH", `/v1/groups/${group}`, bad)).status, JSON.stringify(bad)).toBe(400);
      }
    });

    test("roles are the owner's to give, and the group has one owner, who can hand it over", async () => {
      await expect(bob.client.groups.updateMember(group, cem.id, { role: "admin" })).rejects.toEqual(refused(403));
      await expect(ann.client.groups.updateMember(group, ann.id, { role: "member" })).rejects.toEqual(refused(403));
      const dot = await people.registered("dot");
      await expect(ann.client.groups.updateMember(group, dot.id, { role: "admin" })).rejects.toEqual(refused(404));
      await expect(ann.client.groups.transfer(group, dot.id)).rejects.toEqual(refused(404));
      await expect(bob.client.groups.transfer(group, bob.id)).rejects.toEqual(refused(403));

      await ann.client.groups.transfer(group, cem.id);
      await told([ann, bob, cem], "the new owner", { type: "MEMBER", action: "transferred", owner_id: cem.id, user_ids: [cem.id] });
      expect(await roles()).toEqual({ [ann.id]: "admin", [bob.id]: "admin", [cem.id]: "owner" });
      expect(await bob.client.groups.get(group)).toMatchObject({ owner_id: cem.id });
      await expect(ann.client.groups.transfer(group, ann.id)).rejects.toEqual(refused(403));
      await cem.client.groups.updateMember(group, bob.id, { role: "member" });
      await expect(bob.client.groups.update(group, { title: "mine" })).rejects.toEqual(refused(403));
    });

    test("the owner stays until another one owns it, or leaves as the last and ends it", async () => {
      await expect(ann.client.groups.leave(group)).rejects.toEqual(refused(841));
      expect(await roles()).toMatchObject({ [ann.id]: "owner" });
      await ann.client.groups.transfer(group, bob.id);
      await ann.client.groups.leave(group);
      await told([bob, cem], "that she left", { type: "MEMBER", action: "left", owner_id: bob.id, user_ids: [ann.id] });
      const { link } = await bob.client.groups.newInviteLink(group);
      await bob.client.groups.update(group, { join: "link" });
      await bob.client.groups.remove(group, cem.id);
      await told([bob, cem], "that cem is out", { type: "MEMBER", action: "removed", by: bob.id, user_ids: [cem.id] });
      await bob.client.groups.leave(group);
      await expect(cem.client.groups.join(link)).rejects.toEqual(refused(835));
    });

    test("a muted member cannot send, not even by leaving and coming back; the others can", async () => {
      const until = Date.now() + HOUR_MS;
      await bob.client.groups.updateMember(group, cem.id, { muted_until: until });
      await told([ann, bob, cem], "the mute", { type: "MEMBER", action: "changed", user_ids: [cem.id], muted_until: until });
      const { items } = await ann.client.groups.members(group);
      expect(items.find((member) => member.user_id === cem.id)?.muted_until).toBe(until);
      await cannotSend(cem, 830);
      await expect(bob.client.groups.updateMember(group, ann.id, { muted_until: until })).rejects.toEqual(refused(403));
      await expect(cem.client.groups.updateMember(group, bob.id, { muted_until: until })).rejects.toEqual(refused(403));
      await cem.client.groups.leave(group);
      await ann.client.groups.add(group, [cem.id]);
      await cannotSend(cem, 830);
      await ann.client.messages.sendText(group, "quiet here");
      await bob.client.groups.updateMember(group, cem.id, { muted_until: 0 });
      await cem.client.messages.sendText(group, "thanks");
      await bob.shows(group, ["quiet here", "thanks"]);
    });

    test("while all are muted only the leaders send", async () => {
      await bob.client.groups.update(group, { muted_until: Date.now() + HOUR_MS });
      await cannotSend(cem, 831);
      await bob.client.messages.sendText(group, "news");
      await cem.shows(group, ["news"]);
      await ann.client.groups.update(group, { muted_until: 0 });
      await cem.client.messages.sendText(group, "at last");
      await ann.shows(group, ["news", "at last"]);
    });

    test("a dissolved group stays readable, keeps its members, and nobody sends any more", async () => {
      await cem.client.messages.sendText(group, "last words");
      await ann.shows(group, ["last words"]);
      await expect(bob.client.groups.dissolve(group)).rejects.toEqual(refused(403));
      await ann.client.groups.dissolve(group);
      await told([ann, bob, cem], "the end", { type: "GROUP", action: "dissolved", by: ann.id });
      for (const person of [ann, bob, cem]) {
        await cannotSend(person, 834);
        const dialog = await person.client.dialogs.get(group);
        expect(dialog.top_message?.payload).toEqual({ msg_type: "text", text: "last words" });
        expect((await person.client.dialogs.history(group)).items).toHaveLength(1);
        expect((await person.client.groups.get(group)).dissolved_at).toBeGreaterThan(0);
      }
      expect(Object.keys(await roles())).toHaveLength(3);
      await bob.client.dialogs.read(group, 1);
      const dot = await people.registered("dot");
      const { groups } = ann.client;
      for (const change of [
        () => groups.update(group, { title: "again" }),
        () => groups.add(group, [dot.id]),
        () => groups.remove(group, cem.id),
        () => groups.updateMember(group, bob.id, { role: "member" }),
        () => groups.transfer(group, bob.id),
        () => groups.newInviteLink(group),
        () => groups.ban(group, cem.id),
      ]) {
        await expect(change()).rejects.toEqual(refused(834));
      }
      // Leaving is always possible.
      await cem.client.groups.leave(group);
      expect((await bob.client.groups.get(group)).member_count).toBe(2);
    });

    test("slow mode lets a member send once in a while, the same message as often as needed, and leaders at will", async () => {
      await ann.client.groups.update(group, { slow_mode_s: 60 });
      const message = { to: group, client_msg_id: "slow-1", payload: { msg_type: "text", text: "one" } };
      const send = (body: unknown): Promise<Response> => cem.call("POST", "/v1/messages", body);
      const first = await send(message);
      expect(first.status).toBe(202);
      const early = await send({ ...message, client_msg_id: "slow-2" });
      expect([early.status, ((await early.json()) as { code: number }).code]).toEqual([429, 832]);
      const wait = Number(early.headers.get("retry-after"));
      expect(wait).toBeGreaterThan(50);
      expect(wait).toBeLessThanOrEqual(60);
      expect(((await (await send(message)).json()) as { data: unknown }).data).toEqual(((await first.json()) as { data: unknown }).data);
      for (const words of ["two", "three"]) await bob.client.messages.sendText(group, words);
      const batch = await cem.client.messages.sendBatch([{ to: group, payload: { msg_type: "text", text: "four" } }]);
      expect(batch.map((result) => result.ok)).toEqual([false]);
      await cem.shows(group, ["one", "two", "three"]);
      await ann.client.groups.update(group, { slow_mode_s: 0 });
      await eventually("no pause any more", async () => (await send({ ...message, client_msg_id: "slow-5" })).status === 202);
    });
  });
};
