import type { PrivacyRow } from "@dunlin/engines/store";
import { AppError, type Clock } from "@dunlin/runtime";
import { FreshCache } from "./fresh-cache.js";
import type { RequestStore } from "./guarded-store.js";
import { conversationIdOf, isUserId } from "./ids.js";
import { areContacts, defaultPrivacy, hasBlocked, isClosed, refuses, showsPresence } from "./relation.js";

/** How long another process's change may stay unknown here, ms; ingest checks again as of the message's place in the log. */
const FRESH_MS = 5_000;
const PAIRS_MAX = 200_000;
const USERS_MAX = 100_000;

/** What users are to each other and what they let others do, from bounded caches. */
export class Relations {
  readonly #pairs: FreshCache<number>;
  readonly #privacy: FreshCache<PrivacyRow>;

  constructor(store: Pick<RequestStore, "contacts" | "privacy">, clock: Pick<Clock, "now">) {
    this.#pairs = new FreshCache({
      load: async (ids) => {
        const found = await store.contacts.relations(ids);
        return ids.map((id) => found.get(id) ?? 0);
      },
      freshMs: FRESH_MS,
      max: PAIRS_MAX,
      clock,
    });
    this.#privacy = new FreshCache({
      load: async (ids) => {
        const found = new Map((await store.privacy.get(ids)).map((row) => [row.userId, row]));
        return ids.map((id) => found.get(id) ?? defaultPrivacy(id));
      },
      freshMs: FRESH_MS,
      max: USERS_MAX,
      clock,
    });
  }

  /** @throws AppError UNAVAILABLE */
  async isContact(userId: string, peer: string): Promise<boolean> {
    return areContacts(await this.#pairs.get(conversationIdOf(userId, peer)));
  }

  /** Whether `owner` has blocked `other`. @throws AppError UNAVAILABLE */
  async isBlocked(owner: string, other: string): Promise<boolean> {
    return hasBlocked(await this.#pairs.get(conversationIdOf(owner, other)), owner, other);
  }

  /** Whether either has blocked the other: then neither sees anything fleeting of the other (typing, presence). @throws AppError UNAVAILABLE */
  async isClosed(userId: string, peer: string): Promise<boolean> {
    return isClosed(await this.#pairs.get(conversationIdOf(userId, peer)));
  }

  /**
   * Whether each viewer may learn whether the user is active and when last, as it is now; always oneself.
   * @throws AppError UNAVAILABLE
   */
  maySeePresence(pairs: readonly { readonly viewerId: string; readonly userId: string }[]): Promise<boolean[]> {
    return Promise.all(
      pairs.map(async ({ viewerId, userId }) => {
        if (viewerId === userId) return true;
        const [relation, privacy] = await Promise.all([this.#pairs.load(conversationIdOf(viewerId, userId)), this.#privacy.load(userId)]);
        return showsPresence(relation, privacy);
      }),
    );
  }

  /** Whether `viewer` may find `owner` by account name; looked up anew, as for one who does not exist. @throws AppError UNAVAILABLE */
  async mayFind(viewer: string, owner: string): Promise<boolean> {
    const [relation, { findByAccount }] = await Promise.all([this.#pairs.load(conversationIdOf(viewer, owner)), this.#privacy.load(owner)]);
    return viewer === owner || (!isClosed(relation) && (findByAccount || areContacts(relation)));
  }

  /** What a user lets others do, as it is now. @throws AppError UNAVAILABLE */
  privacy(userId: string): Promise<PrivacyRow> {
    return this.#privacy.load(userId);
  }

  /**
   * That `to` takes messages of `from`; undefined when known without asking. Nobody is refused on what was known before
   * the call. While the store is away, what was known last counts, else nothing is refused: ingest checks again.
   * @throws AppError PEER_REFUSES, the same whoever blocked whom and whatever `to` has set
   */
  checkMessage(from: string, to: string): Promise<void> | undefined {
    if (!isUserId(to)) return undefined;
    const pair = conversationIdOf(from, to);
    const relation = this.#pairs.peek(pair);
    const privacy = this.#privacy.peek(to);
    if (relation !== undefined && privacy !== undefined && !refuses("messages", relation, privacy)) return undefined;
    return this.#checkMessage(pair, to);
  }

  async #checkMessage(pair: string, to: string): Promise<void> {
    const relation = this.#pairs.load(pair).catch(() => this.#pairs.last(pair) ?? 0);
    const privacy = this.#privacy.load(to).catch(() => this.#privacy.last(to) ?? defaultPrivacy(to));
    if (refuses("messages", await relation, await privacy)) throw new AppError("PEER_REFUSES");
  }

  /** Those of the users who do not let `actor` bring them into a group. @throws AppError UNAVAILABLE */
  async refusingToBeAdded(actor: string, userIds: readonly string[]): Promise<string[]> {
    const refusing = await Promise.all(
      userIds.map(async (id) => {
        if (id === actor) return false;
        const [relation, privacy] = await Promise.all([this.#pairs.load(conversationIdOf(actor, id)), this.#privacy.load(id)]);
        return refuses("groups", relation, privacy);
      }),
    );
    return userIds.filter((_, i) => refusing[i]);
  }

  /** After a change between the two. */
  forget(userId: string, peer: string): void {
    this.#pairs.forget(conversationIdOf(userId, peer));
  }

  /** After a change of what a user lets others do. */
  forgetPrivacy(userId: string): void {
    this.#privacy.forget(userId);
  }
}
