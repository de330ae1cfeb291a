import type { Frame } from "./connection.js";
import type { Emitter } from "./emitter.js";
import { DunlinError } from "./errors.js";
import { changeOf } from "./message-changes.js";
import { pause } from "./retry.js";
import { Sequence } from "./sequence.js";
import type { Entry, SupergroupDifference } from "./supergroups.js";
import type { SyncEvents } from "./sync.js";
import { messageOf, type Update } from "./updates.js";

export interface SupergroupSyncOptions {
  readonly events: Emitter<SyncEvents>;
  difference(id: string, pts: number): Promise<SupergroupDifference>;
  /** Whose device this is. */
  user(): string | undefined;
  /** Supergroup → the last seq this app has seen; changed here. */
  readonly places: Record<string, number>;
  onPlaces(): void;
}

interface Placed {
  readonly pts: number;
  readonly entry: Entry;
}

interface Following {
  readonly sequence: Sequence<Placed>;
  /** The highest seq known to exist. */
  newest: number;
  /** The highest seq that a server has told of since this app began; 0 while the place is only remembered. */
  told: number;
  pulling: boolean;
}

const RETRY_MS = 500;
const RETRY_CAP_MS = 15_000;

/**
 * Follows the logs of the supergroups one is a member of: entries in order of seq, each once. The gateway says from where
 * on it sends live (SUBSCRIBED); what is missing up to there, and every hole, is pulled over HTTP.
 */
export class SupergroupSync {
  readonly #following = new Map<string, Following>();

  constructor(private readonly options: SupergroupSyncOptions) {
    for (const [id, seq] of Object.entries(options.places)) this.#begin(id, seq, 0);
  }

  /** Takes a frame that has no pts; false: it is not about a supergroup's log. */
  frame(frame: Frame): boolean {
    const { conversation_id: id, seq } = frame;
    if (frame.type === "SUBSCRIBED") {
      const reached = frame["supergroups"];
      if (typeof reached === "object" && reached !== null) {
        for (const [supergroup, newest] of Object.entries(reached)) if (typeof newest === "number") this.#reach(supergroup, newest);
      }
      return true;
    }
    if (typeof id !== "string" || !id.startsWith("C") || typeof seq !== "number") return false;
    const following = this.#following.get(id) ?? this.#begin(id, seq - 1, seq);
    this.#take(id, following, frame as unknown as Entry);
    return true;
  }

  /** Looks at one's own updates: a membership that begins or ends. */
  update(update: Update): void {
    const { type, peer, seq, user_ids: users, action } = update;
    if (type !== "MEMBER" || typeof peer !== "string" || !peer.startsWith("C") || !Array.isArray(users)) return;
    if (!users.includes(this.options.user())) return;
    if (action === "left" || action === "removed" || action === "banned") {
      const reached = this.#following.get(peer)?.sequence.pts;
      this.forget(peer);
      // The log is no longer this user's to read: what was missed before its notice is in the history alone.
      if (typeof seq === "number" && reached !== undefined && reached < seq - 1) {
        this.options.events.emit("supergroup_reload", { id: peer, seq: seq - 1 });
      }
    }
    // Everything before is not for this member: the log begins with the notice.
    else if (typeof seq === "number" && !this.#following.has(peer)) this.#begin(peer, seq, seq);
  }

  /** Forgets the place in a supergroup, or in all. */
  forget(id?: string): void {
    for (const known of id === undefined ? [...this.#following.keys()] : [id]) {
      this.#following.delete(known);
      delete this.options.places[known];
    }
    this.options.onPlaces();
  }

  #begin(id: string, seq: number, told: number): Following {
    const following = { sequence: new Sequence<Placed>(seq), newest: seq, told, pulling: false };
    this.#following.set(id, following);
    this.#keep(id, seq);
    return following;
  }

  #reach(id: string, newest: number): void {
    const following = this.#following.get(id);
    if (following === undefined) {
      this.#begin(id, newest, newest);
      this.options.events.emit("supergroup_reload", { id, seq: newest });
      return;
    }
    following.newest = Math.max(following.newest, newest);
    following.told = Math.max(following.told, newest);
    // A remembered place beyond the end is one of another log. One that a live entry brought is not: the gateway asked how far
    // the log reaches before that entry, and says so after it.
    if (following.sequence.pts > following.told && !following.pulling) this.#reset(id, following, newest);
    this.#pullIfBehind(id, following);
  }

  #take(id: string, following: Following, entry: Entry): void {
    following.newest = Math.max(following.newest, entry.seq);
    following.told = Math.max(following.told, entry.seq);
    const ready = following.sequence.take({ pts: entry.seq, entry });
    for (const { entry: next } of ready) {
      this.options.events.emit("entry", next);
      const message = messageOf(next);
      if (message) this.options.events.emit("message", message);
      const change = changeOf(next);
      if (change) this.options.events.emit("change", change);
    }
    if (ready.length > 0) this.#keep(id, following.sequence.pts);
    this.#pullIfBehind(id, following);
  }

  #pullIfBehind(id: string, following: Following): void {
    if (following.pulling || following.newest <= following.sequence.pts) return;
    following.pulling = true;
    void this.#pull(id, following).finally(() => {
      following.pulling = false;
    });
  }

  /** Until nothing is missing, or one is no member any more. */
  async #pull(id: string, following: Following): Promise<void> {
    for (let failures = 0; following.newest > following.sequence.pts && this.#following.get(id) === following; ) {
      try {
        const difference = await this.options.difference(id, following.sequence.pts);
        if (this.#following.get(id) !== following) return;
        const before = following.sequence.pts;
        if (difference.too_long) this.#reset(id, following, difference.pts);
        else for (const entry of difference.updates) this.#take(id, following, entry);
        failures = following.sequence.pts > before ? 0 : failures + 1;
      } catch (error) {
        if (error instanceof DunlinError && (error.signedOut || error.code === NOT_A_MEMBER)) return;
        failures += 1;
      }
      if (failures > 0) await pause(Math.min(RETRY_CAP_MS, RETRY_MS * 2 ** (failures - 1)));
    }
  }

  #reset(id: string, following: Following, seq: number): void {
    following.sequence.reset(seq);
    following.newest = Math.max(seq, following.newest);
    this.#keep(id, seq);
    this.options.events.emit("supergroup_reload", { id, seq });
  }

  #keep(id: string, seq: number): void {
    this.options.places[id] = seq;
    this.options.onPlaces();
  }
}

const NOT_A_MEMBER = 804;
