import {
  defaultGroupSettings,
  type GroupSettings,
  type IngestChanges,
  type JoinRequest,
  type Restriction,
  type UserPlace,
} from "@dunlin/engines/store";

/** Rows of one table while a batch is worked out: as read, and on top of that what the commands so far have changed. */
class Rows<T extends UserPlace> {
  readonly #stored: readonly T[];
  readonly #rows = new Map<string, T>();
  readonly #put = new Map<string, T>();
  readonly #removed = new Map<string, UserPlace>();

  constructor(stored: readonly T[]) {
    this.#stored = stored;
    for (const row of stored) this.#rows.set(keyOf(row), row);
  }

  /** Only rows that the command's rule has asked for are there. */
  get(conversationId: string, userId: string): T | undefined {
    return this.#rows.get(keyOf({ conversationId, userId }));
  }

  put(row: T): void {
    this.#rows.set(keyOf(row), row);
    this.#put.set(keyOf(row), row);
  }

  remove(conversationId: string, userId: string): void {
    const place = { conversationId, userId };
    if (!this.#rows.delete(keyOf(place))) return;
    this.#put.delete(keyOf(place));
    this.#removed.set(keyOf(place), place);
  }

  /** How many more rows that fit there are than are stored. */
  more(fits: (row: T) => boolean): number {
    return [...this.#rows.values()].filter(fits).length - this.#stored.filter(fits).length;
  }

  get written(): T[] {
    return [...this.#put.values()];
  }

  get removed(): UserPlace[] {
    return [...this.#removed.values()];
  }
}

const keyOf = ({ conversationId, userId }: UserPlace): string => `${conversationId} ${userId}`;

/** What a batch has read of the rules of its groups. */
export interface LoadedGroups {
  readonly settings: readonly GroupSettings[];
  readonly restrictions: readonly Restriction[];
  readonly joinRequests: readonly JoinRequest[];
}

/** The part of a batch's draft that is about the rules of groups and supergroups. */
export class GroupBook {
  readonly restrictions: Rows<Restriction>;
  readonly joinRequests: Rows<JoinRequest>;
  readonly #settings = new Map<string, GroupSettings>();
  readonly #changed = new Set<string>();

  constructor(loaded: LoadedGroups) {
    this.restrictions = new Rows(loaded.restrictions);
    this.joinRequests = new Rows(loaded.joinRequests);
    for (const row of loaded.settings) this.#settings.set(row.conversationId, row);
  }

  settings(conversationId: string): GroupSettings {
    return this.#settings.get(conversationId) ?? defaultGroupSettings(conversationId);
  }

  putSettings(row: GroupSettings): void {
    this.#settings.set(row.conversationId, row);
    this.#changed.add(row.conversationId);
  }

  changes(): Pick<IngestChanges, "groupSettings" | "restrictions" | "restrictionsRemoved" | "joinRequests" | "joinRequestsRemoved"> {
    return {
      groupSettings: [...this.#changed].map((id) => this.settings(id)),
      restrictions: this.restrictions.written,
      restrictionsRemoved: this.restrictions.removed,
      joinRequests: this.joinRequests.written,
      joinRequestsRemoved: this.joinRequests.removed,
    };
  }
}
