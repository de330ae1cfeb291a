import { sleep } from "@dunlin/runtime";
import type { Connection } from "./connection.js";

/** Slices a drain is cut into, and the pause between them at most, ms. */
const SLICES = 20;
const MAX_PAUSE_MS = 250;
/** Clients are asked to come back within this time, spread evenly, ms. */
const RECONNECT_SPREAD_MS = 5_000;

/**
 * Says goodbye to all connections in slices within `budgetMs`, so that the other gateways meet a slope and not a wall.
 * `part` sends the client when to come back (ms from now) and closes.
 */
export const drainConnections = async (
  connections: readonly Connection[],
  budgetMs: number,
  part: (connection: Connection, reconnectInMs: number) => void,
): Promise<void> => {
  const perSlice = Math.max(1, Math.ceil(connections.length / SLICES));
  const pause = Math.min(MAX_PAUSE_MS, budgetMs / SLICES);
  for (let at = 0; at < connections.length; at += perSlice) {
    if (at > 0) await sleep(pause * (0.5 + Math.random() / 2));
    for (const connection of connections.slice(at, at + perSlice)) {
      part(connection, Math.round(Math.random() * RECONNECT_SPREAD_MS));
    }
  }
};
