import type { IngestChanges, IngestTransaction, ScheduledKey, ScheduledRow } from "@dunlin/engines/store";

const keyOf = ({ userId, id }: ScheduledKey): string => `${userId} ${id}`;

/** The part of a draft that is about scheduled messages: rows as they stood, and what the commands so far have changed. */
export class ScheduledDraft {
  readonly #stored = new Map<string, ScheduledRow>();
  readonly #put = new Map<string, ScheduledRow>();

  /** @param stored read behind the locks of their users' mailboxes: nobody else changes them meanwhile */
  constructor(stored: readonly ScheduledRow[]) {
    for (const row of stored) this.#stored.set(keyOf(row), row);
  }

  get(userId: string, id: string): ScheduledRow | undefined {
    const key = keyOf({ userId, id });
    return this.#put.get(key) ?? this.#stored.get(key);
  }

  put(row: ScheduledRow): void {
    this.#put.set(keyOf(row), row);
  }

  /** How many open ones a user has, this batch's changes included. */
  async open(tx: IngestTransaction, userId: string): Promise<number> {
    let open = await tx.openScheduled(userId);
    for (const [key, row] of this.#put) {
      if (row.userId === userId) open += Number(row.state === "open") - Number(this.#stored.get(key)?.state === "open");
    }
    return open;
  }

  changes(): Pick<IngestChanges, "scheduled"> {
    return { scheduled: [...this.#put.values()] };
  }
}
