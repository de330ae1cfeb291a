import type {
  BlockRow,
  ContactCounts,
  ContactRefusal,
  ContactRow,
  IngestChanges,
  IngestTransaction,
  PrivacyRow,
  UserRow,
} from "@dunlin/engines/store";
import { conversationIdOf } from "../ids.js";
import { defaultPrivacy } from "../relation.js";
import type { AvatarChange } from "./file-draft.js";

const keyOf = (userId: string, peer: string): string => `${userId} ${peer}`;

/** What a batch has to know of people beside their mailboxes. */
export class PeopleNeeds {
  readonly contacts = new Map<string, { userId: string; peer: string }>();
  readonly refusals = new Map<string, { userId: string; peer: string }>();
  readonly relations = new Set<string>();
  readonly privacies = new Set<string>();
  readonly profiles = new Set<string>();
  readonly audiences = new Set<string>();

  /** What each of the two has noted about the other. */
  contact(userId: string, peer: string): void {
    this.contacts.set(keyOf(userId, peer), { userId, peer });
    this.contacts.set(keyOf(peer, userId), { userId: peer, peer: userId });
  }

  /** When `peer` has last refused `userId` as a contact. */
  refusal(userId: string, peer: string): void {
    this.refusals.set(keyOf(userId, peer), { userId, peer });
  }

  /** What `userId` is to others, where that is not the command's own conversation (it comes by itself). */
  relation(userId: string, others: readonly string[]): void {
    for (const other of others) if (other !== userId) this.relations.add(conversationIdOf(userId, other));
  }

  privacy(...userIds: readonly string[]): void {
    for (const userId of userIds) this.privacies.add(userId);
  }

  profile(userId: string): void {
    this.profiles.add(userId);
  }

  /** Those who are told what a user shows: the user's contacts. */
  audience(userId: string): void {
    this.audiences.add(userId);
  }
}

/** What the transaction has read of people. */
export interface LoadedPeople {
  readonly contacts: readonly ContactRow[];
  readonly refusals: readonly ContactRefusal[];
  readonly relations: ReadonlyMap<string, number>;
  readonly privacies: readonly PrivacyRow[];
  readonly profiles: readonly UserRow[];
  /** Of the users asked for: their contacts. */
  readonly audiences: readonly ContactRow[];
}

/** Issues its reads before it waits for the first: they travel with those around them. */
export const loadPeople = async (tx: IngestTransaction, needs: PeopleNeeds): Promise<LoadedPeople> => {
  const [contacts, refusals, relations, privacies, profiles, audiences] = await Promise.all([
    needs.contacts.size > 0 ? tx.contacts([...needs.contacts.values()]) : [],
    needs.refusals.size > 0 ? tx.contactRefusals([...needs.refusals.values()]) : [],
    needs.relations.size > 0 ? tx.relations([...needs.relations]) : new Map<string, number>(),
    needs.privacies.size > 0 ? tx.privacy([...needs.privacies]) : [],
    needs.profiles.size > 0 ? tx.users([...needs.profiles]) : [],
    needs.audiences.size > 0 ? tx.contactsOf([...needs.audiences]) : [],
  ]);
  return { contacts, refusals, relations, privacies, profiles, audiences };
};

/** The part of a draft that is about people: rows as they stood, and what the commands so far have changed. */
export class PeopleDraft {
  readonly relations: ReadonlyMap<string, number>;
  readonly #audiences: readonly ContactRow[];
  readonly #contacts = new Map<string, ContactRow>();
  readonly #storedContacts = new Map<string, ContactRow>();
  readonly #refusals = new Map<string, ContactRefusal>();
  readonly #privacies = new Map<string, PrivacyRow>();
  readonly #profiles = new Map<string, UserRow>();
  readonly #storedAvatars = new Map<string, string>();
  readonly #contactsPut = new Map<string, ContactRow>();
  readonly #contactsRemoved = new Map<string, { userId: string; peer: string }>();
  readonly #refusalsPut = new Map<string, ContactRefusal>();
  readonly #refusalsRemoved = new Map<string, { userId: string; peer: string }>();
  readonly #blocksPut = new Map<string, BlockRow>();
  readonly #blocksRemoved = new Map<string, { userId: string; peer: string }>();
  readonly #privaciesPut = new Map<string, PrivacyRow>();
  readonly #profilesPut = new Map<string, UserRow>();
  /** Blocks added by this batch, less those removed. */
  readonly #blocksMore = new Map<string, number>();

  constructor(loaded: LoadedPeople) {
    this.relations = loaded.relations;
    this.#audiences = loaded.audiences;
    for (const row of loaded.contacts) {
      this.#contacts.set(keyOf(row.userId, row.peer), row);
      this.#storedContacts.set(keyOf(row.userId, row.peer), row);
    }
    for (const row of loaded.refusals) this.#refusals.set(keyOf(row.userId, row.peer), row);
    for (const row of loaded.privacies) this.#privacies.set(row.userId, row);
    for (const row of loaded.profiles) {
      this.#profiles.set(row.id, row);
      this.#storedAvatars.set(row.id, row.avatar);
    }
  }

  contact(userId: string, peer: string): ContactRow | undefined {
    return this.#contacts.get(keyOf(userId, peer));
  }

  putContact(row: ContactRow): void {
    const key = keyOf(row.userId, row.peer);
    this.#contacts.set(key, row);
    this.#contactsPut.set(key, row);
    this.#contactsRemoved.delete(key);
  }

  removeContact(userId: string, peer: string): void {
    const key = keyOf(userId, peer);
    this.#contacts.delete(key);
    this.#contactsPut.delete(key);
    this.#contactsRemoved.set(key, { userId, peer });
  }

  /** When `peer` has last refused `userId`, ms; 0 when never. */
  refusedAt(userId: string, peer: string): number {
    return this.#refusals.get(keyOf(userId, peer))?.refusedAt ?? 0;
  }

  putRefusal(row: ContactRefusal): void {
    const key = keyOf(row.userId, row.peer);
    this.#refusals.set(key, row);
    this.#refusalsPut.set(key, row);
    this.#refusalsRemoved.delete(key);
  }

  removeRefusal(userId: string, peer: string): void {
    const key = keyOf(userId, peer);
    this.#refusals.delete(key);
    this.#refusalsPut.delete(key);
    this.#refusalsRemoved.set(key, { userId, peer });
  }

  putBlock(row: BlockRow): void {
    const key = keyOf(row.userId, row.peer);
    this.#blocksPut.set(key, row);
    this.#blocksRemoved.delete(key);
    this.#blocksMore.set(row.userId, (this.#blocksMore.get(row.userId) ?? 0) + 1);
  }

  removeBlock(userId: string, peer: string): void {
    const key = keyOf(userId, peer);
    this.#blocksPut.delete(key);
    this.#blocksRemoved.set(key, { userId, peer });
    this.#blocksMore.set(userId, (this.#blocksMore.get(userId) ?? 0) - 1);
  }

  privacy(userId: string): PrivacyRow {
    return this.#privacies.get(userId) ?? defaultPrivacy(userId);
  }

  putPrivacy(row: PrivacyRow): void {
    this.#privacies.set(row.userId, row);
    this.#privaciesPut.set(row.userId, row);
  }

  profile(userId: string): UserRow | undefined {
    return this.#profiles.get(userId);
  }

  /** Users whose picture is another one than before the batch. */
  avatars(): AvatarChange[] {
    return [...this.#profilesPut.values()].flatMap(({ id, avatar }) => {
      const before = this.#storedAvatars.get(id) ?? "";
      return before === avatar ? [] : [{ holder: id, before, after: avatar }];
    });
  }

  /** A user's contacts as they were before the batch. */
  audience(userId: string): string[] {
    return this.#audiences.filter((row) => row.userId === userId).map((row) => row.peer);
  }

  putProfile(row: UserRow): void {
    this.#profiles.set(row.id, row);
    this.#profilesPut.set(row.id, row);
  }

  /** How many rows a user has, this batch's changes included. The user's mailbox is locked, so nobody else adds any. */
  async counts(tx: IngestTransaction, userId: string): Promise<ContactCounts> {
    const stored = await tx.contactCounts(userId);
    const counts = { ...stored, blocks: stored.blocks + (this.#blocksMore.get(userId) ?? 0) };
    for (const [key, row] of this.#contactsPut) {
      if (row.userId !== userId) continue;
      const before = this.#storedContacts.get(key);
      if (before) counts[before.state] -= 1;
      counts[row.state] += 1;
    }
    for (const key of this.#contactsRemoved.keys()) {
      const before = this.#storedContacts.get(key);
      if (before?.userId === userId) counts[before.state] -= 1;
    }
    return counts;
  }

  /** Users for whom it has changed who may see them. */
  seenAnew(): Set<string> {
    const users = new Set(this.#privaciesPut.keys());
    for (const pairs of [this.#contactsPut, this.#contactsRemoved, this.#blocksPut, this.#blocksRemoved]) {
      for (const { userId, peer } of pairs.values()) users.add(userId).add(peer);
    }
    return users;
  }

  changes(): Pick<
    IngestChanges,
    "contacts" | "contactsRemoved" | "contactRefusals" | "contactRefusalsRemoved" | "blocks" | "blocksRemoved" | "privacy" | "profiles"
  > {
    return {
      contacts: [...this.#contactsPut.values()],
      contactsRemoved: [...this.#contactsRemoved.values()],
      contactRefusals: [...this.#refusalsPut.values()],
      contactRefusalsRemoved: [...this.#refusalsRemoved.values()],
      blocks: [...this.#blocksPut.values()],
      blocksRemoved: [...this.#blocksRemoved.values()],
      privacy: [...this.#privaciesPut.values()],
      profiles: [...this.#profilesPut.values()],
    };
  }
}
