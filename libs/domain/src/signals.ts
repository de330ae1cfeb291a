import type { Cache, Subscription } from "@dunlin/engines/cache";
import { signalsChannel } from "@dunlin/proto";

/** Something fleeting for the gateway that holds a user's connections. Lost when the pub/sub engine is away. */
export type GatewaySignal =
  /** Shows a frame to all connections of these users. */
  | { readonly kind: "show"; readonly to: readonly string[]; readonly frame: string }
  /** The session's device is active or away. */
  | { readonly kind: "status"; readonly userId: string; readonly sessionId: string; readonly status: "active" | "away" }
  /** What the session watches has changed: it is in the cache under `watchKey`. */
  | { readonly kind: "watch"; readonly userId: string; readonly sessionId: string };

export const publishSignal = (cache: Pick<Cache, "publish">, slot: number, signal: GatewaySignal): Promise<void> =>
  cache.publish(signalsChannel(slot), Buffer.from(JSON.stringify(signal)));

const wellFormed = (signal: GatewaySignal): boolean => {
  switch (signal.kind) {
    case "show":
      return Array.isArray(signal.to) && typeof signal.frame === "string";
    case "status":
    case "watch":
      return typeof signal.userId === "string" && typeof signal.sessionId === "string";
    default:
      return false;
  }
};

/** Hands every well-formed signal for the slot to the listener; junk, and kinds of a newer release, are ignored. */
export const subscribeSignals = (
  cache: Pick<Cache, "subscribe">,
  slot: number,
  listener: (signal: GatewaySignal) => void,
): Promise<Subscription> =>
  cache.subscribe(signalsChannel(slot), (message) => {
    let signal: GatewaySignal | null;
    try {
      signal = JSON.parse(Buffer.from(message).toString("utf8")) as GatewaySignal | null;
    } catch {
      return;
    }
    if (signal !== null && typeof signal === "object" && wellFormed(signal)) listener(signal);
  });
