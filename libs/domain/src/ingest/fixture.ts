import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join as joinPath } from "node:path";
import { openStore, type Store } from "@dunlin/engines/store";
import { SCHEMA_VERSION } from "@dunlin/proto";
import { type Clock, createLogger, Metrics, systemClock } from "@dunlin/runtime";
import { afterAll, beforeAll } from "vitest";
import { conversationIdOf, newId } from "../ids.js";
import { applyCommands } from "./apply.js";
import type { ValidCommand } from "./decode.js";
import type { Effects } from "./draft.js";
import type { CommandBody } from "./rule.js";

export const T0 = 1_790_000_000_000;
/** After a refused request to join. */
export const JOIN_PAUSE_MS = 10_000;
let nextId = 7_000_000_000_000_000_000n;
let now = T0;
/** Goes on by a millisecond whenever it is looked at. */
const ticking = { now: () => ++now };

export const nextMessageId = (): string => String(nextId++);

interface Terms {
  /** A group, and a supergroup, has this many members at most. */
  readonly membersMax: number;
  readonly contactPauseMs?: number;
  readonly clock?: Pick<Clock, "now">;
}

/** A store for the tests of one file, and what applies commands to it. */
export class IngestFixture {
  #store: Store | undefined;

  constructor(private readonly terms: Terms) {
    let folder = "";
    beforeAll(async () => {
      folder = await mkdtemp(joinPath(tmpdir(), "dunlin-ingest-"));
      const logger = createLogger({ service: "test", level: "silent" });
      const deps = { logger, metrics: new Metrics(), clock: systemClock, dataDir: folder, namespace: "test" };
      this.#store = await openStore({ IM_STORE_URL: undefined, IM_STORE_POOL: 2 }, deps);
      await this.#store.migrate();
    });
    afterAll(async () => {
      await this.#store?.close();
      await rm(folder, { recursive: true, force: true });
    });
  }

  get store(): Store {
    if (!this.#store) throw new Error("the store is not open yet");
    return this.#store;
  }

  readonly createUser = async (): Promise<string> => {
    const id = newId("U");
    await this.store.users.create({ id, account: id, passwordHash: "-", nickname: "", avatar: "", createdAt: 1 });
    return id;
  };

  /** Applies commands as one batch. */
  readonly apply = (...bodies: CommandBody[]): Promise<Effects> =>
    this.store.ingest.transaction(async (tx) => {
      const { membersMax, contactPauseMs = 0, clock = ticking } = this.terms;
      const limits = { groupMembersMax: membersMax, supergroupMembersMax: membersMax, contactPauseMs, joinRequestPauseMs: JOIN_PAUSE_MS };
      const { changes, effects } = await applyCommands(tx, bodies.map(command), limits, clock);
      tx.write({ ...changes, offsets: [] });
      return effects;
    });

  /** The same. @returns what came of each */
  readonly codes = async (...bodies: CommandBody[]): Promise<string[]> =>
    (await this.apply(...bodies)).outcomes.map((outcome) => outcome.code);

  readonly log = async (userId: string) => (await this.store.updates.difference(userId, 0, 100)).updates;
  readonly types = async (userId: string): Promise<string[]> => (await this.log(userId)).map((update) => update.type);

  readonly stored = async ({ id }: Named) => (await this.store.messages.get([id]))[0];
}

export const command = (body: CommandBody): ValidCommand => ({
  version: SCHEMA_VERSION,
  commandId: nextMessageId(),
  requestId: "",
  acceptedAt: 1,
  replySlot: 1,
  body,
});

interface SendChange {
  readonly clientMsgId?: string;
  readonly mentions?: string[];
  /** ms since the epoch. */
  readonly createdAt?: number;
  /** The message it replies to, and who wrote that. */
  readonly replyTo?: { readonly id: string; readonly author: string };
}

export const send = (senderId: string, to: string, change: SendChange = {}): CommandBody => {
  const id = nextMessageId();
  return {
    $case: "send",
    value: {
      id,
      conversationId: conversationIdOf(senderId, to),
      senderId,
      to,
      clientMsgId: change.clientMsgId ?? id,
      payload: '{"msg_type":"text","text":"hi"}',
      createdAt: change.createdAt ?? now,
      mentions: change.mentions ?? [],
      replyTo: change.replyTo?.id,
      replyAuthor: change.replyTo?.author,
      push: undefined,
      bodyHash: Buffer.alloc(32),
      deviceId: "",
    },
  };
};

/** The place of a message. */
export interface Named {
  readonly id: string;
  readonly conversationId: string;
}
/** The message that a command sends. */
export const messageIn = (body: CommandBody): Named => {
  if (body.$case !== "send") throw new Error("no send");
  return body.value;
};

export const read = (userId: string, peer: string, seq: number): CommandBody => ({
  $case: "read",
  value: { userId, peer, conversationId: conversationIdOf(userId, peer), seq },
});
export const edit = (userId: string, { id, conversationId }: Named, text: string): CommandBody => ({
  $case: "edit",
  value: { id, conversationId, userId, payload: JSON.stringify({ msg_type: "text", text }), editedAt: ++now },
});
export const recall = (userId: string, { id, conversationId }: Named): CommandBody => ({
  $case: "recall",
  value: { id, conversationId, userId },
});
export const hide = (userId: string, { id, conversationId }: Named): CommandBody => ({
  $case: "hide",
  value: { id, conversationId, userId },
});
export const react = (userId: string, { id, conversationId }: Named, emoji: string, on = true): CommandBody => ({
  $case: "react",
  value: { id, conversationId, userId, emoji, on },
});
export const pin = (userId: string, { id, conversationId }: Named, on = true): CommandBody => ({
  $case: "pin",
  value: { id, conversationId, userId, on },
});

export const createGroup = (groupId: string, ownerId: string, members: string[]): CommandBody => ({
  $case: "createGroup",
  value: { groupId, ownerId, title: "a group", avatar: "", members, createdAt: now },
});
export const add = (groupId: string, actorId: string, members: string[]): CommandBody => ({
  $case: "addMembers",
  value: { groupId, actorId, members },
});
export const remove = (groupId: string, actorId: string, userId: string): CommandBody => ({
  $case: "removeMember",
  value: { groupId, actorId, userId },
});

export const createSupergroup = (supergroupId: string, ownerId: string, members: string[]): CommandBody => ({
  $case: "createSupergroup",
  value: { supergroupId, ownerId, title: "a flock", avatar: "", members, createdAt: now },
});
export const join = (supergroupId: string, userId: string): CommandBody => ({
  $case: "joinSupergroup",
  value: { supergroupId, actorId: userId, members: [userId] },
});
export const leave = (supergroupId: string, userId: string): CommandBody => ({
  $case: "leaveSupergroup",
  value: { supergroupId, actorId: userId, userId },
});
export const upgrade = (groupId: string, supergroupId: string, actorId: string): CommandBody => ({
  $case: "upgradeGroup",
  value: { groupId, supergroupId, actorId },
});
