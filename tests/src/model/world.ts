import { randomBytes } from "node:crypto";
import { type Accepted, type ClientState, type DunlinClient, newDeviceId, type User } from "@dunlin/client";
import { newId } from "@dunlin/domain";
import { eventually } from "../support/eventually.js";
import type { System } from "../support/system.js";
import { Device, type MakeState } from "./device.js";
import { DEVICES, USERS } from "./operations.js";

const DAY_MS = 86_400_000;
const QUIET_MS = 60_000;

export interface Player {
  readonly user: User;
  readonly devices: readonly Device[];
}

export interface Said {
  readonly id: string;
  readonly conversationId: string;
  /** To whom it was sent. */
  readonly to: string;
  readonly from: string;
  readonly payload: { readonly msg_type: string; readonly text: string };
}

/** The five users of one history, their devices and groups, and what has been said. */
export class World {
  readonly said: Said[] = [];
  /** Pairs between whom a block stood at some time, as "a b" both ways round. */
  readonly blockedOnce = new Set<string>();
  readonly groups: string[] = [];
  /** Sends that were accepted and not yet seen stored or refused. */
  readonly #unsettled = new Map<string, Player>();

  private constructor(
    readonly system: System,
    readonly players: readonly Player[],
  ) {}

  /** Users with open sessions are written straight into the store: ten thousand argon2 hashes would be the test. */
  static async open(system: System, make: MakeState): Promise<World> {
    const server = system.apiUrls[0] as string;
    const players = await Promise.all(
      Array.from({ length: USERS }, async (_, n): Promise<Player> => {
        const user = await createUser(system, n);
        const devices = await Promise.all(
          Array.from({ length: DEVICES }, async () => new Device(server, user.id, make, await logIn(system, user))),
        );
        return { user, devices };
      }),
    );
    const world = new World(system, players);
    // The first device of each follows from beginning to end, the second comes and goes.
    await Promise.all(players.flatMap(({ devices }) => devices).map((device) => device.connect()));
    const [ann, bob, cat, dan] = players as [Player, Player, Player, Player];
    const { groups } = world.client(ann);
    world.groups.push((await groups.create("one", [bob.user.id, cat.user.id, dan.user.id])).id);
    world.groups.push((await groups.create("two", [bob.user.id])).id);
    world.groups.push((await groups.createSupergroup("flock", [bob.user.id, cat.user.id])).id);
    return world;
  }

  client(player: Player, device = 0): DunlinClient {
    return (player.devices[device] as Device).client;
  }

  accepted(player: Player, accepted: Accepted, said: Omit<Said, "id" | "conversationId" | "from">): void {
    this.said.push({ ...said, id: accepted.id, conversationId: accepted.conversation_id, from: player.user.id });
    this.#unsettled.set(accepted.id, player);
  }

  async membersOf(groupId: string): Promise<string[]> {
    const { store } = this.system;
    const rows = groupId.startsWith("C") ? await store.supergroups.members(groupId, "", USERS) : await store.conversations.members(groupId);
    const there = new Set(rows.map(({ userId }) => userId));
    // In the order of the users, not of their ids: the same history again chooses the same.
    return this.players.map(({ user }) => user.id).filter((id) => there.has(id));
  }

  /** Waits until every accepted send has been stored, or refused, as its sender's first device learns. */
  async settle(): Promise<void> {
    for (const [id, player] of this.#unsettled) {
      const [device] = player.devices as [Device];
      // Who has left a supergroup meanwhile is not shown the message any more.
      const stored = async () => device.settled.has(id) || (await this.system.store.messages.get([id])).length > 0;
      if (!device.settled.has(id)) await eventually(`message ${id} is stored`, stored, QUIET_MS);
      this.#unsettled.delete(id);
    }
  }

  /** All devices are online and have got to the end of every log, which has stopped growing. */
  async quiesce(): Promise<void> {
    await this.settle();
    for (const { devices } of this.players) for (const device of devices) if (!device.connected) await device.connect();
    await Promise.all(
      this.players.map(async (player) => {
        const client = this.client(player);
        const { pts } = await client.updates.difference(0, 1);
        const ends = new Map<string, number>();
        for (const id of this.groups.filter((group) => group.startsWith("C"))) {
          const [row] = await this.system.store.conversations.memberships(player.user.id, [id]);
          const [conversation] = row ? await this.system.store.conversations.get([id]) : [];
          if (conversation) ends.set(id, conversation.lastSeq);
        }
        for (const [n, device] of player.devices.entries()) {
          await eventually(`device ${n} of ${player.user.nickname} has pts ${pts}`, () => device.reached(pts, ends), QUIET_MS);
          await device.idle();
        }
      }),
    );
  }

  async close(): Promise<void> {
    await Promise.all(this.players.flatMap(({ devices }) => devices).map((device) => device.client.stop()));
  }
}

const createUser = async ({ store }: System, n: number): Promise<User> => {
  const id = newId("U");
  const user = { id, account: `model-${id}`, nickname: `user ${n}`, avatar: "", createdAt: Date.now() };
  await store.users.create({ ...user, passwordHash: "-" });
  return { id, account: user.account, nickname: user.nickname, avatar: "", bio: "", created_at: user.createdAt };
};

/** A session of a new device, as a client keeps it. */
export const logIn = async (system: System, user: User): Promise<ClientState> => {
  const deviceId = newDeviceId();
  const sessionId = randomBytes(15).toString("base64url");
  const now = Date.now();
  await system.store.sessions.open({
    id: sessionId,
    userId: user.id,
    deviceId,
    platform: "model",
    refreshHash: "-",
    createdAt: now,
    lastUsedAt: now,
    expiresAt: now + DAY_MS,
    revokedAt: null,
  });
  const access = await system.tokens().issueAccess({ userId: user.id, sessionId, deviceId, platform: "model" });
  return { device_id: deviceId, user, tokens: { access, refresh: "-", expires_at: now + DAY_MS } };
};
