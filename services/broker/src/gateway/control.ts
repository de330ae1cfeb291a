import type { CloseOrder } from "@dunlin/domain";
import type { Connection } from "./connection.js";

/** Orders are remembered this long, for connections whose handshake was under way when they came, ms. */
const REMEMBER_MS = 15_000;
const MAX_REMEMBERED = 1_000;

/** Whether the order is for this connection. One that names an exception only means connections older than that one. */
export const matches = (order: CloseOrder, connection: Connection, slot: number): boolean => {
  if (order.userId !== connection.userId) return false;
  if (order.sessionIds !== undefined && !order.sessionIds.includes(connection.sessionId)) return false;
  if (order.deviceId !== undefined && order.deviceId !== connection.deviceId) return false;
  return order.exceptConnectionId === undefined || connection.idAt(slot) < order.exceptConnectionId;
};

/**
 * The orders of the last seconds. A session that is revoked between its check and its open event is closed all the same,
 * and a revoked one does not come back through an answer that somebody remembers from before.
 */
export class RecentOrders {
  readonly #orders: { at: number; order: CloseOrder }[] = [];

  /** @param now monotonic ms */
  add(order: CloseOrder, now: number): void {
    while (this.#orders.length >= MAX_REMEMBERED || (this.#orders[0]?.at ?? now) < now - REMEMBER_MS) this.#orders.shift();
    this.#orders.push({ at: now, order });
  }

  /** Whether this session was revoked in the last seconds. */
  revoked(userId: string, sessionId: string): boolean {
    return this.#orders.some(({ order }) => order.revoked && order.userId === userId && order.sessionIds?.includes(sessionId));
  }

  /** An order that came since `since` (monotonic ms) and is for this connection. */
  find(connection: Connection, slot: number, since: number): CloseOrder | undefined {
    for (let i = this.#orders.length - 1; i >= 0; i--) {
      const entry = this.#orders[i] as { at: number; order: CloseOrder };
      if (entry.at < since) return undefined;
      if (matches(entry.order, connection, slot)) return entry.order;
    }
    return undefined;
  }
}
