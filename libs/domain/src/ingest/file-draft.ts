import type { FileRef, FreedFile, IngestChanges, MessageRow } from "@dunlin/engines/store";
import { HELD_WITHIN_MS, HOLD_MS, UNSENT_MS } from "../files/lifetimes.js";
import { isFileId } from "../ids.js";

/** A picture that is another one than before; "" for none. */
export interface AvatarChange {
  readonly holder: string;
  readonly before: string;
  readonly after: string;
}

/** The part of a draft that is about what shows which files. */
export class FileDraft {
  readonly #refs: FileRef[] = [];
  readonly #removed: { readonly fileId: string; readonly messageId: string }[] = [];
  readonly #freed: FreedFile[] = [];

  constructor(private readonly now: number) {}

  carry(ref: FileRef): void {
    this.#refs.push(ref);
  }

  /** A message shows a file no longer. */
  drop(fileId: string, { id: messageId, createdAt }: Pick<MessageRow, "id" | "createdAt">): void {
    const added = this.#refs.findIndex((ref) => ref.fileId === fileId && ref.messageId === messageId);
    if (added >= 0) this.#refs.splice(added, 1);
    this.#removed.push({ fileId, messageId });
    // Held longer than for this message, it waits for another one that is not stored yet.
    this.#free(fileId, createdAt + HELD_WITHIN_MS);
  }

  changes(
    avatars: readonly AvatarChange[],
  ): Pick<IngestChanges, "fileRefs" | "fileRefsRemoved" | "avatars" | "avatarsRemoved" | "filesFreed"> {
    const before = avatars.filter((change) => isFileId(change.before));
    for (const { before: fileId } of before) this.#free(fileId, this.now - UNSENT_MS);
    return {
      fileRefs: this.#refs,
      fileRefsRemoved: this.#removed,
      avatars: avatars.filter(({ after }) => isFileId(after)).map(({ holder, after }) => ({ holder, fileId: after })),
      avatarsRemoved: before.map(({ holder, before: fileId }) => ({ holder, fileId })),
      filesFreed: this.#freed,
    };
  }

  /** @param heldAt what was held up to then may go; what was held later is needed */
  #free(fileId: string, heldAt: number): void {
    this.#freed.push({ fileId, expiresAt: this.now + UNSENT_MS, heldUntil: heldAt + HOLD_MS });
  }
}
