import { sys } from "@dunlin/proto";
import { status } from "@grpc/grpc-js";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { eventually } from "../support/eventually.js";
import { People } from "../support/person.js";
import type { System } from "../support/system.js";
import { Caller, failureOf } from "../sys/caller.js";

const NOBODY = "U11111111111111";
const applied = { applied: true };
const {
  UserServiceService: users,
  ContactServiceService: contacts,
  GroupServiceService: groups,
  ConnectionServiceService: connections,
} = sys;

/** What is done through the internal interface, as the devices of those concerned see it. */
export const internalScenarios = (system: () => System): void => {
  describe("internal interface", () => {
    const people = new People(system);
    let caller: Caller;
    beforeEach(async () => {
      caller = new Caller(system().grpcAddresses[0] ?? "", await system().tokens().issueService("tests"));
    });
    afterEach(async () => {
      caller.close();
      await people.leave();
    });

    test("who is deactivated is out at once and cannot come back; let in again, finds what was sent meanwhile", async () => {
      const [ann, bob] = await Promise.all([people.online("ann"), people.online("bob")]);
      const { users: both } = await caller.ask(connections.getConnections, { userIds: [bob.id, ann.id, NOBODY] });
      expect(both.map((user) => [user.userId, user.connections.length])).toEqual([
        [bob.id, 1],
        [ann.id, 1],
        [NOBODY, 0],
      ]);
      const off = await caller.ask(users.setUserActive, { userId: ann.id, active: false });
      expect(off.deactivatedAt).toBeGreaterThan(0);
      expect(await caller.ask(users.setUserActive, { userId: ann.id, active: false })).toEqual(off);
      await eventually("ann's device is out", () => ann.client.sync.state.name !== "online");
      await eventually("no connection is left", async () => {
        const [found] = (await caller.ask(connections.getConnections, { userIds: [ann.id] })).users;
        return found?.connections.length === 0;
      });
      await expect(ann.device()).rejects.toMatchObject({ status: 403, code: 867 });
      const token = caller.ask(sys.TokenServiceService.issueToken, { userId: ann.id, deviceId: "d", platform: "web" });
      expect(await failureOf(token)).toMatchObject({ status: status.PERMISSION_DENIED, code: 867 });
      const { id } = await bob.client.messages.sendText(ann.id, "where are you?");
      expect(await caller.ask(users.setUserActive, { userId: ann.id, active: true })).toMatchObject({ deactivatedAt: 0 });
      const back = people.add(await ann.device());
      const { items } = await eventually("the message", async () => {
        const page = await back.client.dialogs.history(bob.id, { limit: 5 });
        return page.items.length > 0 && page;
      });
      expect(items.map((message) => message.id)).toEqual([id]);
      expect(await failureOf(caller.ask(users.setUserActive, { userId: NOBODY, active: false }))).toMatchObject({
        status: status.NOT_FOUND,
      });
    });

    test("contacts and blocks: made and ended without asking, told to both as ever", async () => {
      const [ann, bob] = await Promise.all([people.online("ann"), people.online("bob")]);
      const pair = { userId: ann.id, peerId: bob.id };
      const list = async (userId: string, state = "contact") =>
        (await caller.ask(contacts.listContacts, { userId, state, afterUserId: "", limit: 10 })).contacts.map((contact) => contact.userId);
      expect(await caller.ask(contacts.addContact, pair)).toEqual(applied);
      expect(await caller.ask(contacts.addContact, pair)).toEqual(applied);
      await bob.update("the contact", (u) => u.type === "CONTACT" && u["user_id"] === ann.id && u["state"] === "contact");
      expect([await list(ann.id), await list(bob.id), await list(bob.id, "incoming")]).toEqual([[bob.id], [ann.id], []]);
      expect(await caller.ask(contacts.removeContact, pair)).toEqual(applied);
      expect(await list(bob.id)).toEqual([]);
      // Who waits after a refusal is made a contact all the same.
      await ann.client.contacts.request(bob.id);
      expect(await list(ann.id, "outgoing")).toEqual([bob.id]);
      await bob.client.contacts.refuse(ann.id);
      expect(await caller.ask(contacts.addContact, pair)).toEqual(applied);
      expect((await ann.client.contacts.list()).items).toMatchObject([{ user_id: bob.id, state: "contact" }]);

      expect(await caller.ask(contacts.setBlock, { ...pair, blocked: true })).toEqual(applied);
      const blocks = async () => (await caller.ask(contacts.listBlocks, { userId: ann.id, afterUserId: "", limit: 10 })).blocks;
      expect((await blocks()).map((block) => block.userId)).toEqual([bob.id]);
      await ann.update("the block", (u) => u.type === "BLOCK" && u["user_id"] === bob.id && u["blocked"] === true);
      await expect(bob.client.messages.sendText(ann.id, "hello?")).rejects.toMatchObject({ status: 403, code: 860 });
      await caller.ask(contacts.removeContact, pair);
      const refused = { status: status.PERMISSION_DENIED, code: 860 };
      expect(await failureOf(caller.ask(contacts.addContact, pair))).toMatchObject(refused);
      await caller.ask(contacts.setBlock, { ...pair, blocked: false });
      expect(await blocks()).toEqual([]);
      for (const call of [
        () => caller.ask(contacts.addContact, { userId: ann.id, peerId: NOBODY }),
        () => caller.ask(contacts.addContact, { userId: NOBODY, peerId: ann.id }),
        () => caller.ask(contacts.listBlocks, { userId: NOBODY, afterUserId: "", limit: 1 }),
      ]) {
        expect((await failureOf(call())).status).toBe(status.NOT_FOUND);
      }
    });

    test("privacy and profile: changed for a user, and in effect for everybody", async () => {
      const [ann, bob] = await Promise.all([people.online("ann"), people.online("bob")]);
      const before = await caller.ask(users.getPrivacy, { userId: ann.id });
      expect(before).toEqual({ userId: ann.id, messages: "everyone", groups: "everyone", lastSeen: "everyone", findByAccount: true });
      const strict = { ...before, messages: "contacts", findByAccount: false };
      expect(await caller.ask(users.setPrivacy, strict)).toEqual(applied);
      await ann.update("the change", (u) => u.type === "PRIVACY" && u["messages"] === "contacts");
      await eventually("bob is refused", () =>
        bob.client.messages.sendText(ann.id, "hi").then(
          () => false,
          (error: { code: number }) => error.code === 860,
        ),
      );
      await expect(bob.client.users.byAccount(ann.account)).rejects.toMatchObject({ status: 404 });
      expect(await caller.ask(users.getPrivacy, { userId: ann.id })).toEqual(strict);
      const changed = await caller.ask(users.updateUser, { userId: ann.id, bio: "away", avatar: "https://example.org/a.png" });
      expect(changed).toMatchObject({ bio: "away", avatar: "https://example.org/a.png", nickname: "ann" });
      expect(await bob.client.users.get(ann.id)).toMatchObject({ bio: "away" });
      expect(await failureOf(caller.ask(users.getPrivacy, { userId: NOBODY }))).toMatchObject({ status: status.NOT_FOUND });
      expect(await failureOf(caller.ask(users.setPrivacy, { ...strict, lastSeen: "all" }))).toMatchObject({ code: 400 });
      // An avatar that is a file is one's own here as well.
      expect(await failureOf(caller.ask(users.updateUser, { userId: ann.id, avatar: "F11111111111111" }))).toMatchObject({ code: 870 });
    });

    test("groups and supergroups: made, listed with roles, grown and shrunk, and ended", async () => {
      const [ann, bob, cem] = await Promise.all([people.online("ann"), people.online("bob"), people.online("cem")]);
      const rolesOf = async (groupId: string, limit = 10, afterUserId = "") => {
        const { members, hasMore } = await caller.ask(groups.listMembers, { groupId, afterUserId, limit });
        return { roles: Object.fromEntries(members.map((member) => [member.userId, member.role])), hasMore };
      };
      const group = await caller.ask(groups.createGroup, { ownerId: ann.id, title: "tea", members: [bob.id] });
      const asAnn = { groupId: group.id, actorId: ann.id };
      expect(await caller.ask(groups.updateGroup, { ...asAnn, announcement: "at five", slowModeS: 5 })).toEqual(applied);
      expect(await caller.ask(groups.getGroup, { groupId: group.id })).toMatchObject({
        announcement: "at five",
        slowModeS: 5,
        dissolvedAt: 0,
      });
      expect(await rolesOf(group.id)).toEqual({ roles: { [ann.id]: "owner", [bob.id]: "member" }, hasMore: false });
      expect(await failureOf(caller.ask(groups.dissolveGroup, { ...asAnn, actorId: bob.id }))).toMatchObject({ code: 403 });
      expect(await caller.ask(groups.dissolveGroup, asAnn)).toEqual(applied);
      expect((await caller.ask(groups.getGroup, { groupId: group.id })).dissolvedAt).toBeGreaterThan(0);
      await expect(bob.client.messages.sendText(group.id, "still here?")).rejects.toMatchObject({ status: 410, code: 834 });

      const large = await caller.ask(groups.createSupergroup, { ownerId: ann.id, title: "flock", members: [bob.id] });
      expect(large).toMatchObject({ title: "flock", ownerId: ann.id, memberCount: 2 });
      const asOwner = { groupId: large.id, actorId: ann.id };
      expect(await caller.ask(groups.addMembers, { ...asOwner, members: [cem.id] })).toEqual(applied);
      await cem.update("the membership", (u) => u.type === "MEMBER" && u["peer"] === large.id);
      expect(await rolesOf(large.id)).toEqual({ roles: { [ann.id]: "owner", [bob.id]: "member", [cem.id]: "member" }, hasMore: false });
      const [first] = [ann.id, bob.id, cem.id].sort() as [string];
      expect((await rolesOf(large.id, 1)).hasMore).toBe(true);
      expect(Object.keys((await rolesOf(large.id, 10, first)).roles)).toHaveLength(2);
      expect(await caller.ask(groups.removeMember, { ...asOwner, userId: bob.id })).toEqual(applied);
      expect(await caller.ask(groups.getSupergroup, { supergroupId: large.id })).toMatchObject({ memberCount: 2 });
      expect(await failureOf(caller.ask(groups.addMembers, { ...asOwner, actorId: bob.id, members: [bob.id] }))).toMatchObject({
        code: 804,
      });
      const supergroupId = "C11111111111111";
      expect((await failureOf(caller.ask(groups.getSupergroup, { supergroupId }))).status).toBe(status.NOT_FOUND);
      expect((await failureOf(caller.ask(groups.listMembers, { groupId: supergroupId, afterUserId: "", limit: 1 }))).status).toBe(
        status.NOT_FOUND,
      );
    });
  });
};
