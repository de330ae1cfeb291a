import fc from "fast-check";
import { beforeEach, expect, test } from "vitest";
import { newId } from "../ids.js";
import {
  createGroup,
  createSupergroup,
  edit,
  hide,
  IngestFixture,
  join,
  leave,
  messageIn,
  read,
  recall,
  remove,
  send,
  upgrade,
} from "./fixture.js";
import type { CommandBody } from "./rule.js";
import { isMentioned } from "./unread.js";

const fixture = new IngestFixture({ membersMax: 5 });
const { apply, createUser } = fixture;
let users: string[];

beforeEach(async () => {
  users = [await createUser(), await createUser(), await createUser()];
});

const user = fc.integer({ min: 0, max: 2 });
const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constant("send" as const), a: user, mention: fc.constantFrom("none", "one", "all", "both") }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("read" as const), a: user, seq: fc.integer({ min: 0, max: 25 }) }) },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constantFrom("recall" as const, "hide" as const, "hide" as const, "edit" as const),
      a: user,
      // Which of the messages sent so far, counted from the newest.
      back: fc.integer({ min: 0, max: 6 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("join" as const), a: user }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("leave" as const), a: fc.integer({ min: 1, max: 2 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("upgrade" as const) }) },
);

/** What of others mentions a user in what the user sees behind the read position, from the messages alone. */
const recountMentions = async (userId: string, id: string): Promise<number> => {
  const { store } = fixture;
  const dialog = await store.dialogs.get(userId, id);
  if (!dialog) return 0;
  const messages = await store.messages.history({ conversationId: id, afterSeq: dialog.readSeq, limit: 1_000, viewer: userId });
  const upToSeq = dialog.leftSeq ?? Number.MAX_SAFE_INTEGER;
  return messages.filter((m) => m.from !== userId && m.recalledAt === null && m.seq <= upToSeq && isMentioned(m, userId)).length;
};

test("in a supergroup, and in one that was a group, unread is what a recomputation gives after any history", async () => {
  const batches = fc.array(fc.array(step, { minLength: 1, maxLength: 9 }), { minLength: 1, maxLength: 8 });
  await fc.assert(
    fc.asyncProperty(fc.boolean(), batches, async (wasGroup, history) => {
      const { store } = fixture;
      const [ann = "", bob = "", cat = ""] = users;
      const [group, id] = [newId("G"), newId("C")];
      let now = wasGroup ? group : id;
      await apply(wasGroup ? createGroup(group, ann, [bob, cat]) : createSupergroup(id, ann, [bob, cat]));
      const sent: { sender: string; id: string }[] = [];
      for (const batch of history) {
        const commands = batch.flatMap((s): CommandBody[] => {
          if (s.kind === "upgrade") {
            if (now === id) return [];
            now = id;
            return [upgrade(group, id, ann)];
          }
          const actor = users[s.a] as string;
          if ("back" in s) {
            const last = sent[sent.length - 1 - s.back];
            if (!last) return [];
            const named = { id: last.id, conversationId: now };
            if (s.kind === "hide") return [hide(actor, named)];
            return [s.kind === "recall" ? recall(last.sender, named) : edit(last.sender, named, "another")];
          }
          if (s.kind === "read") return [read(actor, now, s.seq)];
          if (s.kind === "join") return now === id ? [join(id, actor)] : [];
          if (s.kind === "leave") return [now === id ? leave(id, actor) : remove(group, actor, actor)];
          const other = users[(s.a + 1) % 3] as string;
          const mentions = { none: [], one: [other], all: ["@all"], both: ["@all", other] }[s.mention] ?? [];
          // Only the owner may mention everybody.
          const one = send(actor, now, { mentions: actor === ann ? mentions : mentions.filter((mention) => mention !== "@all") });
          sent.push({ sender: actor, id: messageIn(one).id });
          return [one];
        });
        // A batch that upgrades a group and goes on in the supergroup holds both partitions' records; here one after the other.
        const turn = commands.findIndex((one) => one.$case === "upgradeGroup");
        await apply(...commands.slice(0, turn + 1));
        await apply(...commands.slice(turn + 1));
        if (now === group) continue;
        for (const userId of users) {
          const dialog = await store.dialogs.get(userId, id);
          if (!dialog) continue;
          const recounted = { unread: await store.dialogs.recountUnread(userId, id), mentions: await recountMentions(userId, id) };
          expect({ unread: dialog.unread, mentions: dialog.unreadMentions }).toEqual(recounted);
          const { afterSeq, upToSeq } = { afterSeq: dialog.readSeq, upToSeq: dialog.leftSeq ?? 1_000 };
          const listed = await store.messages.mentions({ conversationId: id, userId, afterSeq, upToSeq, limit: 100 });
          expect(listed).toHaveLength(dialog.unreadMentions);
        }
      }
      const { entries, seq } = await store.supergroups.log(id, 0, 1_000).catch(() => ({ entries: [], seq: 0 }));
      // What lies in the group that it was is history, not log.
      expect(entries.map((entry) => entry.seq)).toEqual(entries.map((_, i) => seq - entries.length + 1 + i));
    }),
    { numRuns: 100 },
  );
});
