import { type DunlinClient, DunlinError } from "@dunlin/client";
import type { Device } from "./device.js";
import type { Operation, OperationName } from "./operations.js";
import type { Player, Said, World } from "./world.js";

const EMOJI = ["👍", "❤️", "🎉"];

/** Everything an operation may want to choose from. */
interface Scene {
  readonly world: World;
  readonly player: Player;
  readonly device: Device;
  readonly client: DunlinClient;
  readonly pick: number;
  readonly other: number;
}

const oneOf = <T>(list: readonly T[], pick: number): T | undefined => list[pick % Math.max(1, list.length)];

const others = ({ world, player }: Scene): Player[] => world.players.filter((one) => one !== player);

/** Mostly a group that the user is in; now and then any other, which refuses most things. */
const group = async ({ world, player, pick, other }: Scene, kind: "" | "G" | "C" = ""): Promise<string> => {
  const all = world.groups.filter((id) => id.startsWith(kind));
  const own = await world.system.store.conversations.memberships(player.user.id, all);
  const mine = all.filter((id) => own.some(({ conversationId }) => conversationId === id));
  return oneOf(other % 8 === 0 || mine.length === 0 ? all : mine, pick) as string;
};

/** Whom a message may go to. */
const peer = async (scene: Scene): Promise<string> =>
  scene.pick % 5 < 3 ? await group(scene) : (oneOf(others(scene), scene.pick) as Player).user.id;

/** Whose dialog the user has, if any. */
const dialog = async (scene: Scene): Promise<string> => {
  const { world, player } = scene;
  const talked = others(scene)
    .map(({ user }) => user.id)
    .filter((id) => world.said.some(({ from, to }) => (from === player.user.id && to === id) || (from === id && to === player.user.id)));
  return scene.pick % 5 < 3 || talked.length === 0 ? await group(scene) : (oneOf(talked, scene.pick) as string);
};

const somebody = (scene: Scene): string => (oneOf(others(scene), scene.other) as Player).user.id;

/** A message, mostly one that the user has had to do with; now and then anybody's, which must be refused. */
const message = ({ world, player, pick, other }: Scene, own = false): Said | undefined => {
  const mine = world.said.filter(
    (said) => said.from === player.user.id || (!own && (said.to === player.user.id || !said.to.startsWith("U"))),
  );
  return oneOf(other % 20 === 0 ? world.said : mine, pick);
};

const say = async (scene: Scene, to: string, more: { reply_to?: string; mentions?: string[] } = {}): Promise<void> => {
  const payload = { msg_type: "text", text: `${scene.player.user.nickname} says ${scene.pick}` };
  scene.world.accepted(scene.player, await scene.client.messages.send({ to, payload, ...more }), { to, payload });
};

/** The end of the conversation with a peer, or a place before it. */
const place = async ({ world, player, other }: Scene, to: string, back: boolean): Promise<number> => {
  const id = to.startsWith("U") ? [player.user.id, to].sort().join("_") : to;
  const [row] = await world.system.store.conversations.get([id]);
  const last = row?.lastSeq ?? 0;
  return back && last > 0 ? other % last : last;
};

const performers: { readonly [N in OperationName]: (scene: Scene) => Promise<unknown> | undefined } = {
  send: async (scene) => say(scene, await peer(scene)),
  reply: (scene) => {
    const said = message(scene);
    return said && say(scene, said.to === scene.player.user.id ? said.from : said.to, { reply_to: said.id });
  },
  mention: async (scene) => {
    const to = await group(scene);
    const member = oneOf(await scene.world.membersOf(to), scene.other) ?? somebody(scene);
    await say(scene, to, { mentions: scene.other % 4 === 0 ? ["@all"] : [member] });
  },
  forward: async (scene) => {
    const said = message(scene);
    if (!said) return;
    const to = await peer({ ...scene, pick: scene.other });
    const { payload } = said;
    scene.world.accepted(scene.player, await scene.client.messages.forward(said, to), { to, payload });
  },
  edit: (scene) => {
    const said = message(scene, true);
    return said && scene.client.messages.edit(said.id, { msg_type: "text", text: `edited ${scene.other}` });
  },
  recall: (scene) => {
    const said = message(scene, scene.pick % 3 > 0);
    return said && scene.client.messages.recall(said.id);
  },
  hide: (scene) => {
    const said = message(scene);
    return said && scene.client.messages.deleteForMe(said.id);
  },
  react: (scene) => {
    const said = message(scene);
    return said && scene.client.messages.react(said.id, oneOf(EMOJI, scene.other) as string);
  },
  unreact: (scene) => {
    const said = message(scene);
    return said && scene.client.messages.unreact(said.id, oneOf(EMOJI, scene.other) as string);
  },
  pinMessage: (scene) => {
    const said = message(scene);
    return said && scene.client.messages.pin(said.id);
  },
  unpinMessage: (scene) => {
    const said = message(scene);
    return said && scene.client.messages.unpin(said.id);
  },
  read: async (scene) => {
    const to = await dialog(scene);
    await scene.client.dialogs.read(to, await place(scene, to, false));
  },
  readBack: async (scene) => {
    const to = await dialog(scene);
    await scene.client.dialogs.read(to, await place(scene, to, true));
  },
  markUnread: async (scene) => scene.client.dialogs.change(await dialog(scene), { marked_unread: scene.other % 3 > 0 }),
  pin: async (scene) => scene.client.dialogs.change(await dialog(scene), { pinned: true }),
  unpin: async (scene) => scene.client.dialogs.change(await dialog(scene), { pinned: false }),
  orderPins: async (scene) => scene.client.dialogs.pin([...new Set([await dialog(scene), await dialog({ ...scene, pick: scene.other })])]),
  mute: async (scene) =>
    scene.client.dialogs.change(await dialog(scene), { muted_until: scene.other % 2 === 0 ? 0 : 4_000_000_000_000 + scene.other }),
  draft: async (scene) => scene.client.dialogs.change(await dialog(scene), { draft: scene.other % 3 === 0 ? "" : `draft ${scene.other}` }),
  archive: async (scene) => scene.client.dialogs.change(await dialog(scene), { archived: scene.other % 3 > 0 }),
  deleteDialog: async (scene) => scene.client.dialogs.remove(await dialog(scene)),
  addMember: async (scene) => scene.client.groups.add(await group(scene), [somebody(scene)]),
  removeMember: async (scene) => scene.client.groups.remove(await group(scene), somebody(scene)),
  leave: async (scene) => scene.client.groups.leave(await group(scene)),
  join: async (scene) => scene.client.groups.joinSupergroup(await group(scene, "C")),
  setRole: async (scene) =>
    scene.client.groups.updateMember(await group(scene, "G"), somebody(scene), { role: scene.pick % 3 > 0 ? "admin" : "member" }),
  transfer: async (scene) => scene.client.groups.transfer(await group(scene, "G"), somebody(scene)),
  title: async (scene) => scene.client.groups.update(await group(scene, "G"), { title: `title ${scene.other}` }),
  block: async (scene) => {
    const other = somebody(scene);
    const me = scene.player.user.id;
    // Before the call: it may take effect although its answer is lost.
    for (const pair of [`${me} ${other}`, `${other} ${me}`]) scene.world.blockedOnce.add(pair);
    await scene.client.blocks.add(other);
  },
  unblock: async (scene) => {
    // Those whom one has blocked come first: nobody would talk for long otherwise.
    const { items } = await scene.client.blocks.list();
    await scene.client.blocks.remove(oneOf(items, scene.other)?.user_id ?? somebody(scene));
  },
  disconnect: (scene) => (scene.player.devices[1] as Device).disconnect(),
  connect: (scene) => (scene.player.devices[1] as Device).connect(),
  startAnew: (scene) => (scene.player.devices[1] as Device).startAnew(),
};

/** What became of an operation. */
export type Outcome = "done" | "refused" | "nothing";

/** @throws what is no refusal: an answer of 5xx, or none */
export const perform = async (world: World, operation: Operation): Promise<Outcome> => {
  const player = world.players[operation.user] as Player;
  const device = player.devices[operation.device] as Device;
  const { pick, other } = operation;
  try {
    const done = performers[operation.name]({ world, player, device, client: device.client, pick, other });
    if (done === undefined) return "nothing";
    await done;
    return "done";
  } catch (error) {
    if (error instanceof DunlinError && error.status >= 400 && error.status < 500 && error.status !== 401) return "refused";
    throw error;
  }
};
