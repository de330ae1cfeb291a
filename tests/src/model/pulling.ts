import type { DunlinClient } from "@dunlin/client";
import { type DeviceState, ENTER } from "./device-state.js";
import { Loader } from "./loading.js";

const LIMIT = 17;

/** A device that has never been connected: it asks for the whole difference, in small pages, and for that of its supergroups. */
export const pullEverything = async (client: DunlinClient, state: DeviceState): Promise<void> => {
  const loader = new Loader(client, state, Number.POSITIVE_INFINITY);
  const places = new Map<string, number>();
  for (let pts = 0, more = true; more; ) {
    const page = await client.updates.difference(pts, LIMIT);
    if (page.too_long) throw new Error("the log of a few hundred updates is too long");
    for (const update of page.updates) {
      if (update.pts !== pts + 1) throw new Error(`pts ${update.pts} follows ${pts}`);
      pts = update.pts;
      for (const { what, peer } of state.update(update)) await loader[what](peer);
      // A supergroup's log begins, for a member, with the notice of joining.
      if (update.type === "MEMBER" && ENTER.has(String(update["action"])) && (update["user_ids"] as string[]).includes(state.me)) {
        const peer = String(update["peer"]);
        if (peer.startsWith("C")) places.set(peer, Number(update["seq"]));
      }
    }
    more = page.has_more;
  }
  for (const [id, joined] of places) {
    // Of one that was left only the history is there to be asked.
    if (state.dialog(id).leftSeq !== null) {
      await loader.conversation(id);
      continue;
    }
    for (let seq = joined, more = true; more; ) {
      const page = await client.supergroups.difference(id, seq, LIMIT);
      if (page.too_long) throw new Error(`the log of ${id} is too long from ${seq}`);
      for (const entry of page.updates) {
        if (entry.seq !== seq + 1) throw new Error(`seq ${entry.seq} follows ${seq} in ${id}`);
        seq = entry.seq;
        for (const { what, peer } of state.entry(entry)) await loader[what](peer);
      }
      more = page.has_more;
    }
  }
};
