import { expect, test } from "vitest";
import { type AnnotationChanges, type MessageRow, noAnnotations, noChanges } from "../port/index.js";
import {
  conversationRow,
  dialogChange,
  memberRow,
  messageRow,
  newUsers,
  pairId,
  type StoreHarness,
  send,
  T0,
  uniqueId,
} from "./fixture.js";

/** What people do to messages beside sending them. */
export const annotationsContract = (harness: () => StoreHarness): void => {
  const change = (annotations: Partial<AnnotationChanges>): Promise<void> =>
    harness().store.ingest.transaction((tx) => tx.write({ ...noChanges, annotations: { ...noAnnotations, ...annotations } }));

  const talk = async (count: number) => {
    const { store } = harness();
    const [ann, bob] = (await newUsers(store, 2)) as [string, string];
    const messages = await send(
      store,
      Array.from({ length: count }, () => ({ from: ann, to: bob })),
    );
    return { store, ann, bob, conversationId: pairId(ann, bob), messages: messages as [MessageRow, ...MessageRow[]] };
  };

  test("a message changes in its place; what it was forwarded from is kept", async () => {
    const { store, ann, bob, conversationId, messages } = await talk(2);
    const edited: MessageRow = { ...messages[0], payload: '{"msg_type":"text","text":"\'\\\\ é 👍"}', edits: 1, editedAt: T0 + 9 };
    await change({ messages: [edited] });
    const from = '{"message_id":"1","user_id":"U1"}';
    const [forwarded] = (await send(store, [{ from: bob, to: ann, over: { forwardedFrom: from } }])) as [MessageRow];
    expect(await store.messages.history({ conversationId, limit: 9 })).toEqual([edited, messages[1], forwarded]);
    expect(forwarded.forwardedFrom).toBe(from);
    const recalled: MessageRow = { ...forwarded, payload: "{}", mentions: null, forwardedFrom: null, recalledAt: T0 + 10 };
    await change({ messages: [recalled] });
    expect((await store.updates.difference(ann, 2, 9)).updates[0]?.message).toEqual(recalled);
    expect(await store.ingest.transaction((tx) => tx.messages([edited.id, "1"]))).toEqual([edited]);
    // Stored and changed in one batch.
    const both = messageRow({ conversationId, seq: 4, from: ann, to: bob, edits: 1, editedAt: T0 + 5 });
    await store.ingest.transaction((tx) => tx.write({ ...noChanges, messages: [both] }));
    expect(await store.messages.get([both.id])).toEqual([both]);
  });

  test("earlier versions are kept in order, and go when the message is cleared", async () => {
    const { store, messages } = await talk(2);
    const edit = (messageId: string, no: number) => ({
      messageId,
      no,
      payload: `{"no":${no}}`,
      writtenAt: T0 + no,
      replacedAt: T0 + no + 1,
    });
    const [first, second] = messages as [MessageRow, MessageRow];
    await change({ edits: [edit(first.id, 2), edit(first.id, 1), edit(second.id, 1)] });
    expect(await store.annotations.edits(first.id)).toEqual([edit(first.id, 1), edit(first.id, 2)]);
    await change({ cleared: [first.id] });
    expect(await store.annotations.edits(first.id)).toEqual([]);
    expect(await store.annotations.edits(second.id)).toHaveLength(1);
    expect(await store.annotations.edits("nonsense")).toEqual([]);
  });

  test("what one user deletes is gone from that user's history and unread count, not from the other's", async () => {
    const { store, ann, bob, conversationId, messages } = await talk(4);
    const place = (userId: string, seq: number) => ({ userId, conversationId, seq });
    await change({ hidden: [2, 4].map((seq) => ({ ...place(bob, seq), at: T0 })) });
    // Again is no fault.
    await change({ hidden: [{ ...place(bob, 2), at: T0 + 1 }] });
    await change({ messages: [{ ...messages[0], recalledAt: T0 }] });
    const seqs = async (viewer: string, query: { beforeSeq?: number; afterSeq?: number; limit: number }) =>
      (await store.messages.history({ conversationId, viewer, ...query })).map((m) => m.seq);
    expect(await seqs(bob, { limit: 9 })).toEqual([1, 3]);
    expect(await seqs(bob, { limit: 1 })).toEqual([3]);
    expect(await seqs(bob, { afterSeq: 1, limit: 1 })).toEqual([3]);
    expect(await seqs(ann, { limit: 9 })).toEqual([1, 2, 3, 4]);
    const asked = [place(bob, 1), place(bob, 2), place(ann, 2), place(bob, 4)];
    const inOrder = (places: { seq: number }[]) => [...places].sort((a, b) => a.seq - b.seq);
    expect(inOrder(await store.annotations.hidden(asked))).toEqual([place(bob, 2), place(bob, 4)]);
    expect(inOrder(await store.ingest.transaction((tx) => tx.hidden(asked)))).toEqual([place(bob, 2), place(bob, 4)]);
    // Of four from ann one is recalled and two are deleted.
    expect(await store.dialogs.recountUnread(bob, ann)).toBe(1);
    const counted = await store.ingest.transaction((tx) => tx.countUnread(conversationId, bob, 0, 4));
    expect(counted).toEqual({ unread: 1, mentions: 0 });
  });

  test("reactions: counted, in the order of the first, with one's own marked; gone at zero and when cleared", async () => {
    const { store, ann, bob, messages } = await talk(2);
    const [one, two] = messages.map((message) => message.id) as [string, string];
    const key = (messageId: string, userId: string, emoji: string) => ({ messageId, userId, emoji });
    const count = (messageId: string, emoji: string, total: number, firstAt: number) => ({ messageId, emoji, count: total, firstAt });
    await change({
      reactionsAdded: [key(one, ann, "👍"), key(one, bob, "👍"), key(one, bob, "❤️"), key(two, ann, "👍🏽")].map((k) => ({ ...k, at: T0 })),
      reactionCounts: [count(one, "👍", 2, T0 + 2), count(one, "❤️", 1, T0 + 1), count(two, "👍🏽", 1, T0)],
    });
    const seen = async (viewer: string) => (await store.annotations.reactions([one, two], viewer)).filter((r) => r.messageId === one);
    expect(await seen(ann)).toEqual([
      { ...count(one, "❤️", 1, T0 + 1), mine: false },
      { ...count(one, "👍", 2, T0 + 2), mine: true },
    ]);
    expect((await seen(bob)).map((r) => r.mine)).toEqual([true, true]);
    expect(await store.annotations.reactions([], ann)).toEqual([]);
    await store.ingest.transaction(async (tx) => {
      // Emoji that differ in the colour of the skin are different.
      const keys = [key(one, ann, "👍"), key(one, ann, "❤️"), key(two, ann, "👍"), key(two, ann, "👍🏽")];
      expect((await tx.reactions(keys)).map((k) => k.emoji).sort()).toEqual(["👍", "👍🏽"]);
      expect(await tx.reactionCounts([two])).toEqual([count(two, "👍🏽", 1, T0)]);
    });
    await change({
      reactionsRemoved: [key(one, bob, "❤️"), key(one, bob, "👍")],
      reactionCounts: [count(one, "❤️", 0, T0), count(one, "👍", 1, T0)],
    });
    expect(await seen(bob)).toEqual([{ ...count(one, "👍", 1, T0), mine: false }]);
    await change({ cleared: [one] });
    expect(await seen(ann)).toEqual([]);
    expect(await store.annotations.reactions([two], ann)).toHaveLength(1);
  });

  test("pins: the newest first, and taken off", async () => {
    const { store, ann, conversationId, messages } = await talk(3);
    const pin = ({ id, seq }: MessageRow, pinnedAt: number) => ({ conversationId, seq, messageId: id, pinnedBy: ann, pinnedAt });
    const [one, two, three] = messages as unknown as [MessageRow, MessageRow, MessageRow];
    await change({ pinsAdded: [pin(one, T0 + 1), pin(two, T0 + 2), pin(three, T0 + 2)] });
    expect(await store.annotations.pinned(conversationId)).toEqual([pin(three, T0 + 2), pin(two, T0 + 2), pin(one, T0 + 1)]);
    expect(await store.ingest.transaction((tx) => tx.pins([conversationId, "Gnone"]))).toHaveLength(3);
    await change({ pinsRemoved: [{ conversationId, seq: 2 }] });
    expect((await store.annotations.pinned(conversationId)).map((p) => p.seq)).toEqual([3, 1]);
  });

  test("authors: who wrote in a stretch; readers: not those who joined behind the message", async () => {
    const { store } = harness();
    const [a, b, c] = (await newUsers(store, 3)) as [string, string, string];
    const group = uniqueId("G");
    await store.ingest.transaction((tx) =>
      tx.write({
        ...noChanges,
        conversations: [conversationRow({ id: group, kind: "group", lastSeq: 4 })],
        membersAdded: [memberRow(group, a), memberRow(group, b), memberRow(group, c, { joinedSeq: 2 })],
        messages: [a, b, b, a].map((from, i) => messageRow({ conversationId: group, seq: i + 1, from, to: group, type: "C2G" })),
        dialogs: [b, c].map((user) =>
          dialogChange(user, group, { conversationId: group, kind: "group", read: { readSeq: 4, unread: 0, unreadMentions: 0 } }),
        ),
      }),
    );
    const authors = (after: number, upTo: number) => store.ingest.transaction((tx) => tx.authors(group, after, upTo));
    expect((await authors(0, 4)).sort()).toEqual([a, b].sort());
    expect(await authors(1, 3)).toEqual([b]);
    expect(await authors(4, 9)).toEqual([]);
    expect((await store.dialogs.readers(group, 1)).map((r) => r.userId)).toEqual([b]);
    expect((await store.dialogs.readers(group, 4)).map((r) => r.userId).sort()).toEqual([b, c].sort());
  });
};
