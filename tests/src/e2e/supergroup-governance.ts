import type { Entry } from "@dunlin/client";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { eventually } from "../support/eventually.js";
import { ledGroup, refused } from "../support/led-group.js";
import { People, type Person } from "../support/person.js";
import type { System } from "../support/system.js";

const HOUR_MS = 3_600_000;
const numbersFrom = (first: number, count: number): number[] => Array.from({ length: count }, (_, i) => first + i);

/** What governing means in a supergroup alone: its one log, who follows it, who comes by its id, and what a group brings along. */
export const supergroupGovernanceScenarios = (system: () => System): void => {
  describe("a supergroup's order", () => {
    const people = new People(system);
    let ann: Person;
    let bob: Person;
    let cem: Person;
    let id: string;
    beforeEach(async () => {
      ({ ann, bob, cem, group: id } = await ledGroup(people, "supergroup", "member"));
      await Promise.all([ann, bob, cem].map((person) => notice(person, { type: "MEMBER", action: "changed", user_ids: [bob.id] })));
    });
    afterEach(() => people.leave());

    const entriesOf = (person: Person): Entry[] => person.entries.filter((entry) => entry.conversation_id === id);
    /** An entry of the log with these fields. */
    const notice = (person: Person, fields: Record<string, unknown>): Promise<Entry> =>
      eventually(`${person.account} sees ${JSON.stringify(fields)}`, () =>
        entriesOf(person).find((entry) =>
          Object.entries(fields).every(([name, value]) => JSON.stringify(entry[name]) === JSON.stringify(value)),
        ),
      );
    const leftOut = async (person: Person, action: string): Promise<void> => {
      await person.update(action, (u) => u.type === "MEMBER" && u["peer"] === id && u["action"] === action);
    };

    test("whatever is decided is an entry of the one log, in one order for all, and in nobody's own log", async () => {
      const phone = people.add(await cem.device());
      await phone.connect();
      const until = Date.now() + HOUR_MS;
      const pts = cem.client.state.pts ?? 0;
      const { groups } = ann.client;
      await groups.update(id, { title: "Flock", announcement: "Fly south." });
      await groups.updateMember(id, cem.id, { muted_until: until });
      await groups.updateMember(id, cem.id, { role: "admin", muted_until: 0 });
      await groups.transfer(id, cem.id);
      await cem.client.groups.updateMember(id, ann.id, { role: "member" });
      await cem.client.groups.dissolve(id);
      const devices = [ann, bob, cem, phone];
      for (const device of devices) {
        await notice(device, { type: "GROUP", action: "changed", by: ann.id, title: "Flock", announcement: "Fly south.", member_count: 3 });
        await notice(device, { type: "MEMBER", action: "changed", by: ann.id, user_ids: [cem.id], muted_until: until });
        await notice(device, { type: "MEMBER", action: "changed", user_ids: [cem.id], role: "admin", muted_until: 0 });
        await notice(device, { type: "MEMBER", action: "transferred", user_ids: [cem.id], owner_id: cem.id });
        await notice(device, { type: "MEMBER", action: "changed", by: cem.id, user_ids: [ann.id], role: "member" });
        const last = await notice(device, { type: "GROUP", action: "dissolved", by: cem.id });
        const { items } = await device.client.dialogs.list();
        expect(items.find((dialog) => dialog.peer === id)).toMatchObject({ title: "Flock" });
        expect((await device.client.groups.get(id)).member_count).toBe(3);
        expect(entriesOf(device).at(-1)).toEqual(last);
      }
      const seqs = entriesOf(ann).map((entry) => entry.seq);
      expect(seqs).toEqual(numbersFrom(seqs[0] ?? 0, seqs.length));
      for (const device of devices) expect(entriesOf(device).slice(-6)).toEqual(entriesOf(ann).slice(-6));
      expect((await cem.client.updates.difference(pts)).pts).toBe(pts);
    });

    test.each(["removed", "banned"] as const)(
      "who is %s follows no longer, keeps the dialog up to there, and reads nothing further",
      async (action) => {
        const phone = people.add(await cem.device());
        await phone.connect();
        await bob.client.messages.sendText(id, "for all of us");
        for (const person of [ann, cem, phone]) await person.shows(id, ["for all of us"]);
        const head = cem.client.state.supergroups?.[id] ?? 0;
        if (action === "removed") await bob.client.groups.remove(id, cem.id);
        else await bob.client.groups.ban(id, cem.id);
        // The very next message is not for cem, however soon it comes.
        await bob.client.messages.sendText(id, "without cem");
        await ann.shows(id, ["for all of us", "without cem"]);
        for (const device of [cem, phone]) await leftOut(device, action);
        await notice(ann, { type: "MEMBER", action, by: bob.id, user_ids: [cem.id], member_count: 2 });
        await expect(bob.client.groups.updateMember(id, cem.id, { role: "admin" })).rejects.toEqual(refused(403));
        await expect(ann.client.groups.updateMember(id, cem.id, { role: "admin" })).rejects.toEqual(refused(404));

        const { items } = await cem.client.dialogs.list();
        expect(items.find((dialog) => dialog.peer === id)).toMatchObject({
          left_seq: head,
          top_message: { payload: { text: "for all of us" } },
        });
        const history = await cem.client.dialogs.history(id, { limit: 100 });
        expect(history.items.map((m) => m.payload["text"])).toEqual(["for all of us"]);
        // Another apisvc may take cem for a member for some seconds, as it has known.
        await eventually("cem's apisvc knows", () =>
          cem.client.supergroups.difference(id, head).then(
            () => false,
            () => true,
          ),
        );
        await expect(cem.client.supergroups.difference(id, head)).rejects.toEqual(refused(804));
        await expect(cem.client.groups.members(id)).rejects.toEqual(refused(804));
        const late = await cem.call("POST", "/v1/messages", { to: id, client_msg_id: "late", payload: { msg_type: "text", text: "hm" } });
        // Another apisvc may have known cem as a member a moment ago: then it is ingest that refuses.
        if (late.status === 202) await cem.update("the refusal", (u) => u.type === "REJECT" && u["code"] === 804);
        else expect(((await late.json()) as { code: number }).code).toBe(804);
        await bob.client.messages.sendText(id, "still without");
        await ann.shows(id, ["for all of us", "without cem", "still without"]);
        for (const device of [cem, phone]) await device.shows(id, ["for all of us"]);

        const back = cem.client.groups.joinSupergroup(id);
        if (action === "banned") {
          await expect(back).rejects.toEqual(refused(833));
          await ann.client.groups.unban(id, cem.id);
          await cem.client.groups.joinSupergroup(id);
        } else await back;
        await notice(ann, { type: "MEMBER", action: "joined", user_ids: [cem.id], member_count: 3 });
        await ann.client.messages.sendText(id, "welcome back");
        for (const device of [cem, phone]) await device.shows(id, ["for all of us", "welcome back"]);
      },
    );

    test("one comes by its id alone where it is open, by the link where that is asked for, and else is brought in", async () => {
      const [dot, eve, fay] = await Promise.all([people.online("dot"), people.online("eve"), people.online("fay")]);
      const { groups } = ann.client;
      expect((await groups.get(id)).join).toBe("open");
      await dot.client.groups.joinSupergroup(id);
      await notice(ann, { type: "MEMBER", action: "joined", by: dot.id, user_ids: [dot.id] });
      for (const join of ["invite", "link", "approval"] as const) {
        await groups.update(id, { join });
        await expect(eve.client.groups.joinSupergroup(id)).rejects.toEqual(refused(404));
      }
      // Who is in stays in.
      await dot.client.groups.joinSupergroup(id);
      await expect(dot.client.groups.add(id, [eve.id])).rejects.toEqual(refused(403));
      await groups.add(id, [eve.id, fay.id]);
      await notice(dot, { type: "MEMBER", action: "added", by: ann.id, user_ids: [eve.id, fay.id], member_count: 6 });
      await groups.update(id, { join: "invite" });
      await dot.client.groups.leave(id);
      await eve.client.groups.add(id, [dot.id]);
      await leftOut(dot, "left");
      await dot.update("being brought in", (u) => u["peer"] === id && u["action"] === "added");
      await groups.update(id, { join: "open" });
      await groups.dissolve(id);
      await expect((await people.registered("gil")).client.groups.joinSupergroup(id)).rejects.toEqual(refused(834));
    });

    test("a group's upgrade brings along roles, mutes, bans, the link, who waits, pins and what each has set on the dialog", async () => {
      const [dot, eve] = await Promise.all([people.registered("dot"), people.online("eve")]);
      const { groups } = ann.client;
      const { id: group } = await groups.create("small", [bob.id, cem.id]);
      const until = Date.now() + HOUR_MS;
      await groups.updateMember(group, bob.id, { role: "admin" });
      await groups.updateMember(group, cem.id, { muted_until: until });
      await groups.update(group, { announcement: "Hear, hear", join: "approval", slow_mode_s: 7 });
      const { link } = await groups.newInviteLink(group, { max_uses: 5 });
      await groups.ban(group, dot.id);
      await eve.client.groups.join(link, "it's eve");
      await ann.client.messages.sendText(group, "remember this");
      const [message] = await bob.shows(group, ["remember this"]);
      await ann.client.messages.pin(message?.id ?? "");
      await bob.client.dialogs.change(group, { pinned: true, muted_until: until });

      const upgraded = await groups.upgrade(group);
      await eventually("bob's news", () => bob.updates.find((u) => u["peer"] === upgraded && u["action"] === "upgraded"));
      expect(await groups.get(upgraded)).toMatchObject({
        kind: "supergroup",
        announcement: "Hear, hear",
        join: "approval",
        slow_mode_s: 7,
        member_count: 3,
        owner_id: ann.id,
      });
      const { items } = await groups.members(upgraded);
      expect(items.find((member) => member.user_id === bob.id)?.role).toBe("admin");
      expect(items.find((member) => member.user_id === cem.id)?.muted_until).toBe(until);
      await expect(cem.client.messages.sendText(upgraded, "hm")).rejects.toEqual(refused(830));
      expect((await bob.client.groups.bans(upgraded)).items.map((ban) => ban.user_id)).toEqual([dot.id]);
      await expect(dot.client.groups.join(link)).rejects.toEqual(refused(833));
      expect(await groups.inviteLink(upgraded)).toMatchObject({ link, uses: 1, max_uses: 5 });
      expect((await groups.joinRequests(upgraded)).items).toMatchObject([{ user_id: eve.id, message: "it's eve" }]);
      await groups.answerJoinRequest(upgraded, eve.id, true);
      await eve.update("being let in", (u) => u["peer"] === upgraded && u["action"] === "joined");
      expect(await bob.client.dialogs.get(upgraded)).toMatchObject({ pinned: true, muted_until: until });
      expect((await bob.client.dialogs.pinned(upgraded)).map((pin) => pin.message.payload["text"])).toEqual(["remember this"]);
    });
  });
};
