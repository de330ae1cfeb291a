import { newId } from "@dunlin/domain";
import { noChanges } from "@dunlin/engines/store";
import { expect, test } from "vitest";
import { WebSocket } from "ws";
import { eventually } from "../support/eventually.js";
import { Person } from "../support/person.js";
import { startSuiteSystem } from "../support/suite-system.js";
import type { System } from "../support/system.js";

const MEMBERS = 100_000;
const ONLINE = 2_000;
const MESSAGES = 100;
const WAIT_MS = 120_000;

/** A user with a session, straight in the store: thousands of passwords would take minutes. @returns the token */
const connectable = async (system: System, userId: string): Promise<string> => {
  const now = Date.now();
  const session = { id: newId("F"), userId, deviceId: newId("D"), platform: "web" };
  await system.store.users.create({ id: userId, account: userId, passwordHash: "-", nickname: "n", avatar: "", createdAt: now });
  await system.store.sessions.open({
    ...session,
    refreshHash: session.id,
    createdAt: now,
    lastUsedAt: now,
    expiresAt: now + 3_600_000,
    revokedAt: null,
  });
  return system.tokens().issueAccess({ userId, sessionId: session.id, deviceId: session.deviceId, platform: session.platform });
};

/** A connection that keeps only where it begins and the seqs that come. */
const listen = (url: string, token: string, id: string): { socket: WebSocket; live: boolean; seqs: number[] } => {
  const listener = {
    socket: new WebSocket(`${url}?token=${token}`, ["text"], { perMessageDeflate: false }),
    live: false,
    seqs: [] as number[],
  };
  listener.socket.on("error", () => undefined);
  listener.socket.on("message", (data: Buffer) => {
    const frame = JSON.parse(data.toString()) as { type: string; conversation_id?: string; seq?: number };
    if (frame.type === "SUBSCRIBED") listener.live = true;
    else if (frame.conversation_id === id && frame.seq !== undefined) listener.seqs.push(frame.seq);
  });
  return listener;
};

test(`a supergroup of ${MEMBERS} members, ${ONLINE} of them online: all messages arrive at all of them, in order; who was away catches up`, async () => {
  const system = await startSuiteSystem({ IM_RATE_SENDS_PER_S: "1000" });
  const people: Person[] = [];
  const sockets: WebSocket[] = [];
  try {
    const [ann, away] = [await Person.online(system, "ann"), await Person.online(system, "away")];
    people.push(ann, away);
    const { id } = await ann.client.groups.createSupergroup("everybody", [away.id]);
    await away.update("the beginning", (u) => u["peer"] === id);
    const userIds = Array.from({ length: MEMBERS - 2 }, () => newId("U"));
    for (let at = 0; at < userIds.length; at += 10_000) {
      await system.store.ingest.transaction(async (tx) => {
        const row = (await tx.lockConversations([id])).get(id);
        if (!row?.supergroup) throw new Error("no supergroup");
        const some = userIds.slice(at, at + 10_000);
        tx.write({
          ...noChanges,
          conversations: [{ ...row, supergroup: { ...row.supergroup, memberCount: row.supergroup.memberCount + some.length } }],
          membersAdded: some.map((userId) => ({
            conversationId: id,
            userId,
            role: "member",
            joinedSeq: 1,
            joinedAt: 1,
            mutedUntil: 0,
            lastSentAt: 0,
          })),
        });
      });
    }
    expect((await ann.client.groups.get(id)).member_count).toBe(MEMBERS);
    const { urls } = await ann.client.updates.gateway();
    const url = urls[0] ?? "";
    const listeners: ReturnType<typeof listen>[] = [];
    for (let at = 0; at < ONLINE; at += 100) {
      const tokens = await Promise.all(userIds.slice(at, at + 100).map((userId) => connectable(system, userId)));
      const some = tokens.map((token) => listen(url, token, id));
      listeners.push(...some);
      sockets.push(...some.map(({ socket }) => socket));
      await eventually("these follow", () => some.every(({ live }) => live), WAIT_MS);
    }
    await away.disconnect();
    const texts = Array.from({ length: MESSAGES }, (_, i) => `n ${i + 1}`);
    const results = await ann.client.messages.sendBatch(texts.map((text) => ({ to: id, payload: { msg_type: "text", text } })));
    expect(results.every((result) => result.ok)).toBe(true);
    await eventually("all at all", () => listeners.every(({ seqs }) => seqs.length >= MESSAGES), WAIT_MS);
    const first = listeners[0]?.seqs[0] ?? 0;
    const wanted = texts.map((_, i) => first + i);
    for (const { seqs } of listeners) expect(seqs).toEqual(wanted);
    await ann.shows(id, texts);
    await away.connect();
    await away.shows(id, texts);
    expect(away.reloads).toHaveLength(1);
    const page = await ann.client.groups.members(id, { limit: 200 });
    expect([page.items.length, page.next_cursor === null]).toEqual([200, false]);
  } finally {
    for (const socket of sockets) socket.terminate();
    await Promise.all(people.map((person) => person.disconnect()));
    await system.stop();
  }
}, 300_000);
