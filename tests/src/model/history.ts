import { DunlinClient, DunlinError } from "@dunlin/client";
import { WebSocket } from "ws";
import type { System } from "../support/system.js";
import type { MakeState } from "./device.js";
import { DeviceState } from "./device-state.js";
import { Loader } from "./loading.js";
import type { Operation, OperationName } from "./operations.js";
import { type Outcome, perform } from "./perform.js";
import { pullEverything } from "./pulling.js";
import { differences, recount, type View, viewOf, withoutReaders } from "./view.js";
import { logIn, type Player, World } from "./world.js";

export interface HistoryResult {
  /** Empty when all devices agree. */
  readonly problems: readonly string[];
  readonly outcomes: ReadonlyMap<OperationName, Readonly<Record<Outcome, number>>>;
  readonly messages: number;
}

export interface HistoryOptions {
  readonly system: System;
  readonly operations: readonly Operation[];
  /** Operations at the same time; 1: each waits for the one before it. */
  readonly together: number;
  readonly make?: MakeState;
}

/** The counts that frames tell step by step lead to what the messages say. */
const toldProblems = (state: DeviceState, what: string): string[] =>
  [...state.dialogs.values()]
    .filter((dialog) => dialog.listed && dialog.kind !== "supergroup")
    .flatMap((dialog) =>
      differences(dialog.told, recount(state, dialog)).map((line) => `${what}, ${dialog.peer}, told | counted: ${line}`),
    );

/** What all kinds of devices of one user know in the end, held against each other and against the messages. */
const compare = async (world: World, player: Player): Promise<string[]> => {
  const [live, other] = player.devices;
  if (!live || !other) throw new Error("a user has two devices");
  const { system } = world;
  const me = player.user.id;
  const newClient = async () =>
    new DunlinClient({ server: system.apiUrls[0] as string, WebSocket, state: await logIn(system, player.user) });
  const pulled = new DeviceState(me);
  await pullEverything(await newClient(), pulled);
  const loaded = new DeviceState(me);
  const client = await newClient();
  const loader = new Loader(client, loaded, 1);
  await loader.everything();

  const shownOf = (all: View): View => withoutReaders(all, (peer) => world.blockedOnce.has(`${me} ${peer}`));
  const view = shownOf(await live.view());
  const problems = [
    ...differences(view, shownOf(await other.view())).map((line) => `live | came and went: ${line}`),
    ...differences(view, shownOf(viewOf(pulled))).map((line) => `live | difference: ${line}`),
    ...differences(view, shownOf(viewOf(loaded))).map((line) => `live | loaded: ${line}`),
    ...(live.state.snapshot ? [] : toldProblems(live.state, "live")),
    ...toldProblems(pulled, "difference"),
  ];
  for (const [peer, shown] of loader.shown) {
    const dialog = loaded.dialog(peer);
    const counted = { ...recount(loaded, dialog), topMessage: dialog.visible().at(-1)?.id };
    problems.push(...differences(shown, counted).map((line) => `shown | counted, ${peer}: ${line}`));
    const stored = await system.store.dialogs.recountUnread(me, peer);
    if (stored !== shown.unread) problems.push(`shown | counted by the store, ${peer}: ${shown.unread} | ${stored}`);
  }
  const badge = await client.dialogs.unread();
  const sum = [...loader.shown.values()].reduce((all, { unread }) => all + unread, 0);
  if (badge.unread + badge.muted.unread !== sum) problems.push(`badge | sum: ${badge.unread} + ${badge.muted.unread} | ${sum}`);
  return problems.map((line) => `${player.user.nickname}: ${line}`);
};

/** Plays a history with users of its own, waits until all is quiet, and compares. */
export const playHistory = async ({ system, operations, together, make }: HistoryOptions): Promise<HistoryResult> => {
  const outcomes = new Map<OperationName, Record<Outcome, number>>();
  const world = await World.open(system, make ?? ((me) => new DeviceState(me)));
  const problems: string[] = [];
  try {
    for (let at = 0; at < operations.length; at += together) {
      await Promise.all(
        operations.slice(at, at + together).map(async (operation) => {
          const counts = outcomes.get(operation.name) ?? { done: 0, refused: 0, nothing: 0 };
          outcomes.set(operation.name, counts);
          counts[await perform(world, operation)] += 1;
        }),
      );
      if (together === 1) await world.settle();
    }
    await world.quiesce();
    problems.push(...(await Promise.all(world.players.map((player) => compare(world, player)))).flat());
  } catch (error) {
    problems.push(error instanceof DunlinError ? `${error.status} ${error.code} ${error.stack}` : String((error as Error).stack ?? error));
  } finally {
    await world.close();
  }
  return { problems, outcomes, messages: world.said.length };
};
