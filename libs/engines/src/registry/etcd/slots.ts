import { sleep } from "@dunlin/runtime";
import type { SlotLease } from "../port.js";
import { MAX_SLOT_WAIT_MS, noSlot, RESERVE_LOW_MS, RESERVE_MS, slotChoices } from "../slots.js";
import { absent, entries, holds, put, read, readAll, unchanged } from "./link.js";
import type { Held, Session } from "./session.js";

const SLOTS_FOLDER = "slots/";
/** Without a lease: up to which time ids may exist for a slot, "<ms since 1970> <nonce of who wrote it>". */
const USED_FOLDER = "slots-used/";
const CHECK_MS = 1_000;
/** Slots tried before all are read again. */
const TRIES = 8;

const numberOf = (key: string): number => Number(key.slice(key.lastIndexOf("/") + 1));
const msOf = (mark: string | undefined): number => Number.parseInt(mark ?? "", 10) || 0;

export const leaseSlot = async (session: Session, owner: string): Promise<SlotLease> => {
  const { link, nonce } = session;
  const { clock } = link;
  const deadline = clock.monotonic() + Math.max(MAX_SLOT_WAIT_MS, link.ttlMs + 5_000);
  for (;;) {
    const lease = await session.lease();
    const grown = await session.grown();
    if (!grown) {
      if (clock.monotonic() > deadline) throw noSlot();
      await sleep(200);
      continue;
    }
    const answer = await link.transact({ success: [readAll(link.key(SLOTS_FOLDER)), readAll(link.key(USED_FOLDER))] });
    const taken = new Set(entries(answer, 0).map(({ key }) => numberOf(key)));
    const marks = new Map(entries(answer, 1).map((entry) => [numberOf(entry.key), entry]));
    const choices = slotChoices(
      (slot) => !taken.has(slot) && !session.discarding(link.key(SLOTS_FOLDER + slot)),
      (slot) => msOf(marks.get(slot)?.value),
      clock.now(),
    );
    const waitMs = choices[0]?.waitMs ?? Number.POSITIVE_INFINITY;
    if (clock.monotonic() + waitMs > deadline) throw noSlot();
    if (waitMs > 0) {
      // In short steps: a registry that is closed meanwhile ends the wait.
      await sleep(Math.min(waitMs, 500));
      continue;
    }
    for (const { slot } of choices.slice(0, TRIES)) {
      const [key, usedKey] = [link.key(SLOTS_FOLDER + slot), link.key(USED_FOLDER + slot)];
      const reservedUntil = clock.now() + RESERVE_MS;
      const mark = `${reservedUntil} ${nonce}`;
      const claim = await link
        .transact({
          compare: [...grown, absent(key), unchanged(usedKey, marks.get(slot)?.revision ?? "0")],
          success: [put(key, nonce, lease), put(usedKey, mark)],
          failure: [read(key), read(usedKey)],
        })
        .catch(async (error: unknown) => {
          await session.discard(key, nonce);
          throw error;
        });
      // Ours after all when the first try went through and only its answer was lost.
      const repeated = (): boolean => entries(claim, 0)[0]?.value === nonce && entries(claim, 1)[0]?.value === mark;
      if (claim.succeeded || repeated()) {
        link.logger.info({ slot, owner }, "slot leased");
        return new EtcdSlotLease(session, slot, lease, reservedUntil);
      }
    }
  }
};

class EtcdSlotLease implements SlotLease, Held {
  readonly #key: string;
  readonly #usedKey: string;
  readonly #timer: NodeJS.Timeout;
  readonly #listeners = new Set<() => void>();
  #state: "held" | "lost" | "closed" = "held";
  #reserving = false;

  constructor(
    private readonly session: Session,
    readonly slot: number,
    /** The lease under which the slot was last claimed. */
    public lease: string,
    public reservedUntil: number,
  ) {
    this.#key = session.link.key(SLOTS_FOLDER + slot);
    this.#usedKey = session.link.key(USED_FOLDER + slot);
    session.held.add(this);
    this.#timer = setInterval(() => void this.#reserve(), CHECK_MS);
    this.#timer.unref();
  }

  get valid(): boolean {
    return this.#state === "held" && this.session.holds(this.lease);
  }

  onLost(listener: () => void): void {
    if (this.#state === "lost") listener();
    else this.#listeners.add(listener);
  }

  /**
   * Claims the slot again under a new lease. It is lost when somebody else has it now, or had it in between, which the
   * reserved time tells: only its own writer may go on where it left off.
   */
  async restore(lease: string): Promise<void> {
    const { link, nonce } = this.session;
    const before = await link.transact({ success: [read(this.#key), read(this.#usedKey)] });
    const [there, used] = [entries(before, 0)[0], entries(before, 1)[0]];
    if ((there && there.value !== nonce) || (used && !used.value.endsWith(` ${nonce}`))) return this.#lose();
    const reservedUntil = Math.max(this.reservedUntil, link.clock.now() + RESERVE_MS);
    const answer = await link.transact({
      compare: [unchanged(this.#key, there?.revision ?? "0"), unchanged(this.#usedKey, used?.revision ?? "0")],
      success: [put(this.#key, nonce, lease), put(this.#usedKey, `${reservedUntil} ${nonce}`)],
    });
    // Somebody was quicker, or our own first try went through: look again.
    if (!answer.succeeded) return await this.restore(lease);
    if (this.#state !== "held") return await this.session.discard(this.#key, nonce);
    this.reservedUntil = reservedUntil;
    this.lease = lease;
  }

  async close(): Promise<void> {
    if (this.#state !== "held") return;
    this.#end("closed");
    await this.session.discard(this.#key, this.session.nonce);
  }

  /** Writes a later reserved time well before the present one is reached. */
  async #reserve(): Promise<void> {
    const { link, nonce } = this.session;
    const reservedUntil = link.clock.now() + RESERVE_MS;
    if (this.#reserving || !this.valid || this.reservedUntil > reservedUntil - RESERVE_MS + RESERVE_LOW_MS) return;
    this.#reserving = true;
    try {
      const answer = await link.transact({
        compare: [holds(this.#key, nonce)],
        success: [put(this.#usedKey, `${reservedUntil} ${nonce}`)],
      });
      if (answer.succeeded) this.reservedUntil = Math.max(this.reservedUntil, reservedUntil);
      // No longer ours in etcd: the next renewal claims it again or finds it lost.
      else this.lease = "";
    } catch (error) {
      link.logger.debug({ err: error, slot: this.slot }, "time for the slot could not be reserved");
    } finally {
      this.#reserving = false;
    }
  }

  #lose(): void {
    if (this.#state !== "held") return;
    this.#end("lost");
    this.session.link.logger.error({ slot: this.slot }, "another process has this slot");
    for (const listener of this.#listeners) listener();
    this.#listeners.clear();
  }

  #end(state: "lost" | "closed"): void {
    this.#state = state;
    clearInterval(this.#timer);
    this.session.held.delete(this);
  }
}
