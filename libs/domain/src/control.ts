import type { Cache, Subscription } from "@dunlin/engines/cache";
import { type CloseName, CONTROL_CHANNEL } from "@dunlin/proto";

/** An order to every gateway: close what matches. Also tells apisvc that a session is over. */
export interface CloseOrder {
  readonly kind: "close";
  readonly userId: string;
  /** Only connections of these sessions, when given. */
  readonly sessionIds?: readonly string[];
  /** Only connections of this device, when given. */
  readonly deviceId?: string;
  /** Never this connection: the newer one, when an older connection of the same device is to go. */
  readonly exceptConnectionId?: string;
  readonly close: CloseName;
  /** Whether the sessions named are revoked, so that their tokens are no longer good. */
  readonly revoked: boolean;
}

/** Publishes an order; lost when the pub/sub engine is away (sessions are checked again at the next connect). */
export const publishControl = (cache: Cache, order: CloseOrder): Promise<void> =>
  cache.publish(CONTROL_CHANNEL, Buffer.from(JSON.stringify(order)));

/** Hands every well-formed order to the listener; junk is ignored. */
export const subscribeControl = (cache: Cache, listener: (order: CloseOrder) => void): Promise<Subscription> =>
  cache.subscribe(CONTROL_CHANNEL, (message) => {
    let order: CloseOrder;
    try {
      order = JSON.parse(Buffer.from(message).toString("utf8")) as CloseOrder;
    } catch {
      return;
    }
    if (order !== null && typeof order === "object" && order.kind === "close" && typeof order.userId === "string") listener(order);
  });
