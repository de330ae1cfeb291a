import { randomBytes } from "node:crypto";
import { AppError, type Clock } from "@dunlin/runtime";

/** First millisecond of the snowflakes: 2025-01-01T00:00:00Z. */
export const SNOWFLAKE_EPOCH_MS = Date.UTC(2025, 0, 1);
/** How far ids may run ahead of the clock (bursts, a clock that steps back) before `next` refuses, ms. */
export const MAX_AHEAD_MS = 10_000;

/** What a generator needs of its slot lease. */
export interface SnowflakeLease {
  readonly slot: number;
  readonly valid: boolean;
  /** ms since 1970: ids must not carry a later time. */
  readonly reservedUntil: number;
}

/**
 * Snowflake ids: 41 bits of ms since 2025, 10 bits of slot, 12 bits of sequence; decimal strings.
 * Rising in one process whatever the clock does: when the clock stands or steps back, ids borrow from the future, up to
 * MAX_AHEAD_MS and never beyond what the slot has reserved.
 */
export class Snowflakes {
  #lastMs = 0;
  #sequence = 0;

  constructor(
    private readonly lease: SnowflakeLease,
    private readonly clock: Pick<Clock, "now">,
  ) {}

  /** @throws AppError UNAVAILABLE when the slot's lease is not valid or the limit ahead of the clock is reached. */
  next(): string {
    if (!this.lease.valid) throw new AppError("UNAVAILABLE", "this process holds no slot", { retryAfterS: 1 });
    const now = this.clock.now();
    let ms = this.#lastMs;
    let sequence = this.#sequence + 1;
    if (now > ms) {
      ms = now;
      sequence = 0;
    } else if (sequence > 4095) {
      ms += 1;
      sequence = 0;
    }
    if (ms > now + MAX_AHEAD_MS || ms > this.lease.reservedUntil) {
      throw new AppError("UNAVAILABLE", "the clock is too far behind the ids already given", { retryAfterS: 1 });
    }
    this.#lastMs = ms;
    this.#sequence = sequence;
    return ((BigInt(ms - SNOWFLAKE_EPOCH_MS) << 22n) | BigInt((this.lease.slot << 12) | sequence)).toString();
  }
}

/** When a message id was made, ms since 1970. */
export const snowflakeTime = (id: string): number => Number(BigInt(id) >> 22n) + SNOWFLAKE_EPOCH_MS;

const BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
const ID_CHARS = 14;

/** What a typed id names: U user, G group, C supergroup, D device, F file. */
export type IdType = "U" | "G" | "C" | "D" | "F";

const base58 = (chars: number): string => {
  let text = "";
  while (text.length < chars) {
    // Bytes of 232 and above are dropped so that every character is equally likely.
    for (const byte of randomBytes(24)) if (byte < 232 && text.length < chars) text += BASE58[byte % 58];
  }
  return text;
};

/** A new typed id: the type's letter and 14 random base-58 characters (82 bits), never sequential. */
export const newId = (type: IdType): string => type + base58(ID_CHARS);

/** The code of an invite link: 22 random base-58 characters (128 bits), which nobody guesses. */
export const newLinkCode = (): string => base58(22);

const PEER = /^[UGC][1-9A-HJ-NP-Za-km-z]{14}$/;
const FILE = /^F[1-9A-HJ-NP-Za-km-z]{14}$/;
const MESSAGE_ID = /^[1-9][0-9]{0,18}$/;

/** Whether `text` has the form of a peer id (user, group or supergroup). */
export const isPeerId = (text: string): boolean => PEER.test(text);
export const isUserId = (text: string): boolean => text.startsWith("U") && PEER.test(text);
export const isGroupId = (text: string): boolean => text.startsWith("G") && PEER.test(text);
export const isSupergroupId = (text: string): boolean => text.startsWith("C") && PEER.test(text);
export const isFileId = (text: string): boolean => FILE.test(text);
export const isMessageId = (text: string): boolean => MESSAGE_ID.test(text) && BigInt(text) < 1n << 63n;

/** The conversation that `userId` and `peer` share: both user ids in sorted order, or the group's own id. */
export const conversationIdOf = (userId: string, peer: string): string => {
  if (!peer.startsWith("U")) return peer;
  return userId < peer ? `${userId}_${peer}` : `${peer}_${userId}`;
};

/** A user's system conversation, where notifications (S2C) are numbered. */
export const systemConversationOf = (userId: string): string => `S_${userId}`;

/** The two users of a 1:1 conversation, undefined for any other conversation. */
export const pairOf = (conversationId: string): [string, string] | undefined => {
  const cut = conversationId.indexOf("_");
  return cut > 1 ? [conversationId.slice(0, cut), conversationId.slice(cut + 1)] : undefined;
};
