import type { PushPreferences } from "@dunlin/domain";

/** A message that a device is to be told of. */
export interface Push {
  readonly userId: string;
  readonly deviceId: string;
  readonly platform: string;
  readonly messageId: string;
  readonly conversationId: string;
  /** C2C, C2G, S2C … */
  readonly type: string;
  readonly from: string;
  /** The payload object as JSON text. Never to be logged. */
  readonly payload: string;
  /** How the sender wants it to look. */
  readonly preferences: PushPreferences | undefined;
  /** The user's pts of the message. */
  readonly pts: number;
  /** ms since 1970 */
  readonly createdAt: number;
}

export type PushOutcome =
  /** The provider has taken it. */
  | { readonly kind: "sent" }
  /** The device is not registered (any more): nothing to do. */
  | { readonly kind: "gone" }
  /** It will never be taken: a dead letter. */
  | { readonly kind: "refused"; readonly reason: string }
  /** Not now; a rejected promise or one that takes too long means the same. */
  | { readonly kind: "later"; readonly reason: string; readonly retryAfterMs?: number };

/**
 * Somebody who brings pushes to devices. Called at least once for each push and device, a bounded number of times at a
 * time, in the order of a user's messages.
 */
export interface PushProvider {
  readonly name: string;
  /** `signal` aborts when nobody waits for the outcome any more. */
  send(push: Push, signal: AbortSignal): Promise<PushOutcome>;
}
