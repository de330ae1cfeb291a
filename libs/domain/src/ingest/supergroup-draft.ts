import type { MemberKey, SupergroupChanges, SupergroupMark, SupergroupRead } from "@dunlin/engines/store";

const markKey = (mark: SupergroupMark): string => `${mark.conversationId} ${mark.mark} ${mark.seq}`;
const readKey = (key: MemberKey): string => `${key.conversationId} ${key.userId}`;

/** The part of a batch's draft that is kept for supergroups beside their logs; bookkeeping like `Draft`. */
export class SupergroupDraft {
  readonly #marks = new Map<string, SupergroupMark>();
  readonly #marksRemoved = new Map<string, SupergroupMark>();
  readonly #reads = new Map<string, SupergroupRead>();
  readonly #readsRemoved = new Map<string, MemberKey>();

  mark(mark: SupergroupMark): void {
    this.#marks.set(markKey(mark), mark);
    this.#marksRemoved.delete(markKey(mark));
  }

  unmark(mark: SupergroupMark): void {
    this.#marks.delete(markKey(mark));
    this.#marksRemoved.set(markKey(mark), mark);
  }

  /** These stored marks of a supergroup, and this batch's, as they are now. */
  overlay(conversationId: string, stored: readonly SupergroupMark[]): SupergroupMark[] {
    const all = new Map(stored.map((mark) => [markKey(mark), mark]));
    for (const key of this.#marksRemoved.keys()) all.delete(key);
    for (const [key, mark] of this.#marks) if (mark.conversationId === conversationId) all.set(key, mark);
    return [...all.values()];
  }

  /** A member has read up to here. */
  read(row: SupergroupRead): void {
    this.#reads.set(readKey(row), row);
    this.#readsRemoved.delete(readKey(row));
  }

  /** Who is no member any more is not counted among the readers. */
  forget(conversationId: string, userId: string): void {
    const key = { conversationId, userId };
    this.#reads.delete(readKey(key));
    this.#readsRemoved.set(readKey(key), key);
  }

  changes(): SupergroupChanges {
    return {
      marks: [...this.#marks.values()],
      marksRemoved: [...this.#marksRemoved.values()],
      reads: [...this.#reads.values()],
      readsRemoved: [...this.#readsRemoved.values()],
    };
  }
}
