import type { MessageRow } from "./messages.js";

/** A word to look up: small ASCII letters and digits, at most 70. A prefix stands for all words that begin with it. */
export interface SearchWord {
  readonly word: string;
  readonly prefix: boolean;
}

export interface SearchQuery {
  /** Where the messages lie: of what a supergroup had as a group, that is the group. */
  readonly conversationIds: readonly string[];
  /** A message must have all of them. */
  readonly words: readonly SearchWord[];
  /** Only ids below this one. */
  readonly belowId?: string;
  readonly limit: number;
}

/** Messages that a user may see: those of `conversationId` with afterSeq < seq ≤ upToSeq, shown as of `shownAs`. */
export interface SearchScope {
  readonly conversationId: string;
  readonly shownAs: string;
  readonly peer: string;
  readonly kind: "user" | "group" | "supergroup";
  readonly afterSeq: number;
  readonly upToSeq: number;
}

/** The words of a message as it is now; none: it is not to be found. */
export type WordsOf = (message: MessageRow) => readonly string[];

export interface SearchState {
  /** Ingest transactions whose messages are not in the index yet. */
  readonly waiting: number;
  /** When the oldest of them stored or changed its newest message, ms. */
  readonly oldestAt: number | undefined;
  /** The index is being filled with what was stored before it began. */
  readonly filling: boolean;
}

/**
 * Full text over messages. The index can be thrown away at any time: it is filled again from the messages.
 *
 * It follows ingest: each ingest transaction leaves a note of the messages that it stores or changes, which goes when the
 * index has them. So what commits late is found late, and never missed, whatever its id. Index transactions exclude each
 * other, and read the messages as they are then: none puts an older version in the place of a newer one.
 */
export interface Search {
  /**
   * Ids of messages that had these words when they were indexed, the greatest first: candidates, to be checked against the
   * messages as they are now. Fewer than `limit`: there are no more.
   */
  find(query: SearchQuery): Promise<string[]>;
  /** The places in conversations that a user may see: the `limit` dialogs that were active last. */
  scopes(userId: string, limit: number): Promise<SearchScope[]>;
  /** Takes about `limit` of the noted messages into the index, the oldest notes first. @returns how many; 0 when there are none */
  follow(limit: number, wordsOf: WordsOf): Promise<number>;
  /** Goes on filling the index with what is stored, by ids. @returns how many messages it looked at; 0 when it is full */
  fill(limit: number, wordsOf: WordsOf): Promise<number>;
  state(): Promise<SearchState>;
  /** Throws the index away, to be filled anew. */
  reset(): Promise<void>;
}
