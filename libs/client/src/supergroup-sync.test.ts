import { expect, test } from "vitest";
import type { Frame } from "./connection.js";
import { Emitter } from "./emitter.js";
import { SupergroupSync } from "./supergroup-sync.js";
import type { Entry } from "./supergroups.js";
import type { SyncEvents } from "./sync.js";

const ID = "C11111111111111";
const entry = (seq: number): Entry => ({ type: "MEMBER", conversation_id: ID, seq });
const subscribed = (newest: number): Frame => ({ type: "SUBSCRIBED", supergroups: { [ID]: newest } }) as unknown as Frame;

const following = (places: Record<string, number>, log: () => readonly Entry[] = () => []) => {
  const events = new Emitter<SyncEvents>();
  const shown: number[] = [];
  const reloads: number[] = [];
  events.on("entry", ({ seq }) => shown.push(seq));
  events.on("supergroup_reload", ({ seq }) => reloads.push(seq));
  const sync = new SupergroupSync({
    events,
    difference: async (_, pts) => ({ updates: log().filter(({ seq }) => seq > pts), pts: log().length, has_more: false, too_long: false }),
    user: () => "U11111111111111",
    places,
    onPlaces: () => {},
  });
  return { sync, shown, reloads };
};

const settled = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 10));

test("a live entry that overtakes the gateway's word of how far the log reaches is shown once", async () => {
  const { sync, shown, reloads } = following({ [ID]: 1 }, () => [entry(1), entry(2)]);
  sync.frame(entry(2) as unknown as Frame);
  sync.frame(subscribed(1));
  await settled();
  expect(shown).toEqual([2]);
  expect(reloads).toEqual([]);
});

test("a remembered place beyond the end is one of another log: load again, and go on from there", async () => {
  const { sync, shown, reloads } = following({ [ID]: 9 });
  sync.frame(subscribed(1));
  sync.frame(entry(2) as unknown as Frame);
  await settled();
  expect(reloads).toEqual([1]);
  expect(shown).toEqual([2]);
});

test("who has left cannot pull what was missed: the history is to be loaded, and only when something is missing", async () => {
  const me = "U11111111111111";
  const left = (seq: number) => ({ type: "MEMBER", pts: 7, peer: ID, action: "left", user_ids: [me], seq });
  const behind = following({ [ID]: 3 });
  behind.sync.update(left(6));
  expect(behind.reloads).toEqual([5]);
  const there = following({ [ID]: 5 });
  there.sync.update(left(6));
  there.sync.update(left(6));
  expect(there.reloads).toEqual([]);
});
