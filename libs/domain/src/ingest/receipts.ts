import type { Draft } from "./draft.js";

/** What authors are to be told of being read: gathered while a batch is worked out, so that it is one READ for each. */
export class Receipts {
  /** by conversation and author → reader → read position */
  readonly #noted = new Map<string, Map<string, Map<string, number>>>();

  /** Notes for an author that a member has read a group up to here. */
  note(conversationId: string, authorId: string, readerId: string, readSeq: number): void {
    let authors = this.#noted.get(conversationId);
    if (!authors) {
      authors = new Map();
      this.#noted.set(conversationId, authors);
    }
    let readers = authors.get(authorId);
    if (!readers) {
      readers = new Map();
      authors.set(authorId, readers);
    }
    readers.set(readerId, Math.max(readSeq, readers.get(readerId) ?? 0));
  }

  /** Tells the authors who has read; those with the same news share a frame. To be called once, when all commands are applied. */
  tell(draft: Draft): void {
    for (const [conversationId, authors] of this.#noted) {
      const members = draft.members(conversationId);
      const told = new Map<string, { authorIds: string[]; readers: { user_id: string; read_seq: number }[] }>();
      for (const [authorId, positions] of authors) {
        if (!members.has(authorId)) continue;
        const readers = [...positions].map(([user_id, read_seq]) => ({ user_id, read_seq }));
        const key = JSON.stringify(readers);
        const same = told.get(key);
        if (same) same.authorIds.push(authorId);
        else told.set(key, { authorIds: [authorId], readers });
      }
      for (const { authorIds, readers } of told.values()) draft.tell(authorIds, "READ", conversationId, { peer: conversationId, readers });
    }
    this.#noted.clear();
  }
}
