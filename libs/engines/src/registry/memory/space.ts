import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { z } from "zod";
import type { Member, MemberInfo } from "../port.js";

/** Who has something: the object that was handed out, and the registry it was handed out by. */
export interface Holder {
  /** False when it has not renewed for a TTL. */
  readonly alive: boolean;
}

interface Hold {
  readonly holder: Holder;
  /** Told when somebody else gets it. */
  readonly taken: () => void;
}

const savedSchema = z.object({
  slots: z.record(z.string(), z.number()),
  token: z.number().int(),
});

/**
 * What the registries of one process share. With a file, the two things that must outlive the process are kept in it:
 * up to which time ids may exist for each slot, and the newest lock token. It is written without fsync: a crash of the
 * machine may lose the last 10 s, which matters only if its clock steps back at the same moment.
 */
export class MemorySpace {
  readonly #members = new Map<string, Map<string, { info: MemberInfo; holder: Holder }>>();
  readonly #watchers = new Map<string, Set<() => void>>();
  readonly #holds = new Map<string, Hold>();
  readonly #slotsUsed = new Map<number, number>();
  #token = 0;

  constructor(private readonly file?: string) {
    if (file === undefined) return;
    try {
      const saved = savedSchema.parse(JSON.parse(readFileSync(file, "utf8")));
      for (const [slot, ms] of Object.entries(saved.slots)) this.#slotsUsed.set(Number(slot), ms);
      this.#token = saved.token;
    } catch {
      // No file yet, or one that cannot be read: the clock alone then keeps ids and tokens rising, as it normally does.
    }
  }

  /** Takes a name for `holder` unless somebody alive has it; `taken` tells one claim from another. */
  take(name: string, holder: Holder, taken: () => void): boolean {
    const there = this.#holds.get(name);
    if (there?.taken === taken) return true;
    if (there?.holder.alive) return false;
    this.#holds.set(name, { holder, taken });
    there?.taken();
    return true;
  }

  isFree(name: string): boolean {
    return !this.#holds.get(name)?.holder.alive;
  }

  release(name: string, taken: () => void): void {
    if (this.#holds.get(name)?.taken === taken) this.#holds.delete(name);
  }

  /** Up to which time ids may carry this slot, ms since 1970; 0 when none can. */
  usedUntil(slot: number): number {
    return this.#slotsUsed.get(slot) ?? 0;
  }

  /** @throws Error when it cannot be written; ids with that time may not be made then. */
  reserve(slot: number, untilMs: number, nowMs: number): void {
    for (const [other, ms] of this.#slotsUsed) if (ms <= nowMs) this.#slotsUsed.delete(other);
    this.#slotsUsed.set(slot, untilMs);
    this.#save();
  }

  /** The next token, above all before it; by the clock, so that it also rises when the file was lost. @throws Error when it cannot be written */
  nextToken(nowMs: number): number {
    this.#token = Math.max(this.#token + 1, nowMs);
    this.#save();
    return this.#token;
  }

  put(service: string, id: string, info: MemberInfo, holder: Holder): void {
    let members = this.#members.get(service);
    if (!members) {
      members = new Map();
      this.#members.set(service, members);
    }
    members.set(id, { info, holder });
    this.#changed(service);
  }

  remove(service: string, id: string, holder: Holder): void {
    if (this.#members.get(service)?.get(id)?.holder !== holder) return;
    this.#members.get(service)?.delete(id);
    this.#changed(service);
  }

  has(service: string, id: string): boolean {
    return this.#members.get(service)?.has(id) ?? false;
  }

  /** Drops members whose holder is not alive. */
  sweep(): void {
    for (const [service, members] of this.#members) {
      const before = members.size;
      for (const [id, { holder }] of members) if (!holder.alive) members.delete(id);
      if (members.size !== before) this.#changed(service);
    }
  }

  members(service: string): Member[] {
    return [...(this.#members.get(service) ?? [])].map(([id, { info }]) => ({ ...info, id }));
  }

  watch(service: string, changed: () => void): () => void {
    let watchers = this.#watchers.get(service);
    if (!watchers) {
      watchers = new Set();
      this.#watchers.set(service, watchers);
    }
    watchers.add(changed);
    return () => void watchers.delete(changed);
  }

  #changed(service: string): void {
    for (const changed of [...(this.#watchers.get(service) ?? [])]) changed();
  }

  #save(): void {
    if (this.file === undefined) return;
    mkdirSync(dirname(this.file), { recursive: true });
    // Renamed into place, so that a kill in the middle of writing leaves the old one.
    writeFileSync(`${this.file}.new`, JSON.stringify({ slots: Object.fromEntries(this.#slotsUsed), token: this.#token }));
    renameSync(`${this.file}.new`, this.file);
  }
}
