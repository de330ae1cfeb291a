import { AppError } from "@dunlin/runtime";
import { SLOTS } from "./port.js";

/** How far ahead of the clock a slot's holder reserves time for its ids, ms. */
export const RESERVE_MS = 30_000;
/** With less than this left of it, the reservation is renewed. */
export const RESERVE_LOW_MS = 20_000;
/** How long leaseSlot waits for a slot's reserved time to pass when no other slot is free, ms. */
export const MAX_SLOT_WAIT_MS = RESERVE_MS + 5_000;

export const noSlot = (): AppError => new AppError("UNAVAILABLE", "no slot is free", { retryAfterS: 5 });

/** All slots, from a random one on: two processes that start together rarely try the same. */
export const slotsFromRandom = (): number[] => {
  const first = Math.floor(Math.random() * SLOTS);
  return Array.from({ length: SLOTS }, (_, i) => (first + i) % SLOTS);
};

export interface SlotChoice {
  readonly slot: number;
  /** How long its reserved time still runs, ms; not above 0: it can be taken now. */
  readonly waitMs: number;
}

/** The slots worth trying, in order: those whose reserved time has passed; if none, the one whose passes first. */
export const slotChoices = (isFree: (slot: number) => boolean, usedUntil: (slot: number) => number, nowMs: number): SlotChoice[] => {
  const free = slotsFromRandom()
    .filter(isFree)
    .map((slot) => ({ slot, waitMs: usedUntil(slot) - nowMs }));
  const ready = free.filter(({ waitMs }) => waitMs <= 0);
  if (ready.length > 0) return ready;
  return free.sort((a, b) => a.waitMs - b.waitMs).slice(0, 1);
};
