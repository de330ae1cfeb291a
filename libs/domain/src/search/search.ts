import type { MessageRow, SearchScope } from "@dunlin/engines/store";
import type { Access } from "../access.js";
import type { RequestStore } from "../guarded-store.js";
import { conversationIdOf, isSupergroupId, isUserId } from "../ids.js";
import { messageTexts } from "../messages-view.js";
import { visibleRange } from "../visible.js";
import { matches, parseQuery } from "./query.js";
import { searchTexts } from "./texts.js";

/** Conversations that one search looks through: those of the dialogs that were active last. */
const CONVERSATIONS_MAX = 2_000;
/** Candidates of one look-up, and of one request: then the page ends, however few it has. */
const CANDIDATES = 100;
const CANDIDATES_MAX = 1_000;

/** A message that was found, in the conversation where it is shown. */
export interface Found {
  readonly message: MessageRow;
  readonly scope: SearchScope;
}

export interface FoundPage {
  readonly found: readonly Found[];
  /** The id behind which the next page goes on; undefined at the end. A page may be short, or empty, before the end. */
  readonly next: string | undefined;
}

/** Search in what a user may see. */
export class Search {
  constructor(
    private readonly store: RequestStore,
    private readonly access: Access,
  ) {}

  /**
   * Messages with all parts of `text`, the newest first, those below the id `below`; with `peer` only of that conversation.
   * @throws AppError SEARCH_EMPTY, PEER_NOT_FOUND, NOT_A_MEMBER, GROUP_UPGRADED, UNAVAILABLE
   */
  async find(userId: string, text: string, peer: string | undefined, below: string | undefined, limit: number): Promise<FoundPage> {
    const query = parseQuery(text);
    const scopes = new Map<string, SearchScope>();
    for (const scope of peer === undefined
      ? await this.store.search.scopes(userId, CONVERSATIONS_MAX)
      : await this.#scopesOf(userId, peer)) {
      scopes.set(scope.conversationId, scope);
    }
    const conversationIds = [...scopes.keys()];
    const found: Found[] = [];
    let belowId = below;
    for (let examined = 0; examined < CANDIDATES_MAX; ) {
      const ids = await this.store.search.find({
        conversationIds,
        words: query.lookUps,
        limit: CANDIDATES,
        ...(belowId === undefined ? {} : { belowId }),
      });
      examined += ids.length;
      const seen = await this.#visible(userId, ids, scopes);
      for (const [i, id] of ids.entries()) {
        belowId = id;
        const candidate = seen.get(id);
        if (!candidate || !matches(query, searchTexts(candidate.message))) continue;
        found.push(candidate);
        if (found.length < limit) continue;
        const last = i === ids.length - 1 && ids.length < CANDIDATES;
        return { found, next: last ? undefined : id };
      }
      if (ids.length < CANDIDATES) return { found, next: undefined };
    }
    return { found, next: belowId };
  }

  /**
   * What was found as JSON text: the message, and the dialog and the sender as a client shows them. Three look-ups whatever
   * their number.
   */
  async texts(userId: string, found: readonly Found[]): Promise<string[]> {
    if (found.length === 0) return [];
    const { users, conversations } = this.store;
    const people = new Set(found.flatMap(({ message, scope }) => (scope.kind === "user" ? [message.from, scope.peer] : [message.from])));
    const groups = new Set(found.filter(({ scope }) => scope.kind !== "user").map(({ scope }) => scope.peer));
    const [messages, userRows, groupRows] = await Promise.all([
      messageTexts(
        this.store,
        userId,
        found.map(({ message }) => message),
      ),
      users.get([...people]),
      groups.size > 0 ? conversations.get([...groups]) : [],
    ]);
    const userById = new Map(userRows.map((row) => [row.id, row]));
    const groupById = new Map(groupRows.map((row) => [row.id, row]));
    return found.map(({ message, scope }, i) => {
      const sender = userById.get(message.from);
      const peer = userById.get(scope.peer);
      const group = groupById.get(scope.peer);
      const dialog = {
        peer: scope.peer,
        kind: scope.kind,
        title: (scope.kind === "user" ? peer?.nickname : group?.title) ?? "",
        avatar: (scope.kind === "user" ? peer?.avatar : group?.avatar) ?? "",
      };
      const from = { id: message.from, nickname: sender?.nickname ?? "", avatar: sender?.avatar ?? "" };
      return `{"message":${messages[i]},"dialog":${JSON.stringify(dialog)},"sender":${JSON.stringify(from)}}`;
    });
  }

  /** The same as histories of this peer show. */
  async #scopesOf(userId: string, peer: string): Promise<SearchScope[]> {
    const range = await visibleRange(this.store, this.access, userId, peer);
    const shownAs = conversationIdOf(userId, peer);
    const kind = isUserId(peer) ? "user" : isSupergroupId(peer) ? "supergroup" : "group";
    const scope = { conversationId: shownAs, shownAs, peer, kind, ...range } as const;
    if (kind !== "supergroup") return [scope];
    const [row] = await this.store.conversations.get([peer]);
    const origin = row?.supergroup?.origin;
    if (!origin || origin.seq <= range.afterSeq) return [scope];
    return [scope, { ...scope, conversationId: origin.conversationId, upToSeq: Math.min(range.upToSeq, origin.seq) }];
  }

  /** Those of the messages that the user may see, as they are now, under the conversation where they are shown. */
  async #visible(userId: string, ids: readonly string[], scopes: ReadonlyMap<string, SearchScope>): Promise<Map<string, Found>> {
    if (ids.length === 0) return new Map();
    const rows = (await this.store.messages.get(ids)).flatMap((message) => {
      const scope = scopes.get(message.conversationId);
      return scope && message.seq > scope.afterSeq && message.seq <= scope.upToSeq && message.recalledAt === null
        ? [{ message, scope }]
        : [];
    });
    const placeOf = (conversationId: string, seq: number) => ({ userId, conversationId, seq });
    const deleted = await this.store.annotations.hidden(rows.map(({ message }) => placeOf(message.conversationId, message.seq)));
    const hidden = new Set(deleted.map((place) => `${place.conversationId} ${place.seq}`));
    return new Map(
      rows
        .filter(({ message }) => !hidden.has(`${message.conversationId} ${message.seq}`))
        .map(({ message, scope }) => [message.id, { scope, message: { ...message, conversationId: scope.shownAs } }]),
    );
  }
}
