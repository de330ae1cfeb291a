import fc from "fast-check";
import { beforeEach, expect, test } from "vitest";
import { newId } from "../ids.js";
import { add, createGroup, edit, hide, IngestFixture, messageIn, type Named, read, recall, remove, send } from "./fixture.js";
import type { CommandBody } from "./rule.js";

const fixture = new IngestFixture({ membersMax: 5 });
const { apply, createUser } = fixture;
let ann: string;
let bob: string;
let cat: string;

beforeEach(async () => {
  ann = await createUser();
  bob = await createUser();
  cat = await createUser();
});

test("after any history unread is what a recomputation gives, and every log is without gaps", async () => {
  const users = [ann, bob, cat];
  const user = fc.integer({ min: 0, max: users.length - 1 });
  const step = fc.oneof(
    { weight: 5, arbitrary: fc.record({ kind: fc.constant("send" as const), a: user, b: user, group: fc.boolean() }) },
    {
      weight: 3,
      arbitrary: fc.record({
        kind: fc.constant("read" as const),
        a: user,
        b: user,
        group: fc.boolean(),
        seq: fc.integer({ min: 0, max: 12 }),
      }),
    },
    {
      weight: 5,
      arbitrary: fc.record({
        kind: fc.constantFrom("recall" as const, "hide" as const, "hide" as const, "edit" as const),
        a: user,
        // Which of the messages sent so far, counted from the newest.
        back: fc.integer({ min: 0, max: 4 }),
      }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("add" as const), a: user, b: user }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("remove" as const), a: user, b: user }) },
  );
  await fc.assert(
    fc.asyncProperty(fc.array(fc.array(step, { minLength: 1, maxLength: 9 }), { minLength: 1, maxLength: 8 }), async (batches) => {
      const group = newId("G");
      const at = (n: number): string => users[n] as string;
      await apply(createGroup(group, ann, [bob, cat]));
      const sent: { sender: string; message: Named }[] = [];
      for (const batch of batches) {
        const commands = batch.flatMap((s): CommandBody[] => {
          if ("back" in s) {
            const last = sent[sent.length - 1 - s.back];
            if (!last) return [];
            if (s.kind === "hide") return [hide(at(s.a), last.message)];
            return [s.kind === "recall" ? recall(last.sender, last.message) : edit(last.sender, last.message, "another")];
          }
          if (s.kind === "add") return [add(group, at(s.a), [at(s.b)])];
          if (s.kind === "remove") return [remove(group, at(s.a), at(s.b))];
          const peer = s.group ? group : at(s.b);
          if (peer === at(s.a)) return [];
          if (s.kind === "read") return [read(at(s.a), peer, s.seq)];
          const mentions = s.group && s.b % 2 === 1 ? [at(s.b)] : [];
          const one = send(at(s.a), peer, { mentions });
          sent.push({ sender: at(s.a), message: messageIn(one) });
          return [one];
        });
        await apply(...commands);
      }
      for (const userId of users) {
        for (const dialog of (await fixture.store.dialogs.list(userId, undefined, 100)).dialogs) {
          const left = dialog.kind === "group" && (await fixture.store.conversations.memberships(userId, [dialog.peer])).length === 0;
          // The dialog of who has left stays where it was; what came later is not for that user.
          if (left) continue;
          expect([dialog.peer, dialog.unread]).toEqual([dialog.peer, await fixture.store.dialogs.recountUnread(userId, dialog.peer)]);
          const counted = await fixture.store.ingest.transaction((tx) =>
            tx.countUnread(dialog.conversationId, userId, dialog.readSeq, dialog.topSeq),
          );
          expect(counted).toEqual({ unread: dialog.unread, mentions: dialog.unreadMentions });
        }
        const { pts } = await fixture.store.updates.difference(userId, 0, 0);
        const { updates } = await fixture.store.updates.difference(userId, Math.max(0, pts - 100), 200);
        expect(updates.map((update) => update.pts)).toEqual(updates.map((_, i) => pts - updates.length + 1 + i));
      }
    }),
    { numRuns: 100 },
  );
});
