import { createHash } from "node:crypto";
import { LRUCache } from "lru-cache";
import type { SearchQuery } from "../port/index.js";

/**
 * In the index a word is written behind its conversation's key: what one user's conversations hold is then found without
 * looking at what all others say, however common the word. Two conversations with one key (40 bits) are told apart by the
 * messages themselves.
 */
const KEY_CHARS = 10;
const keys = new LRUCache<string, string>({ max: 20_000 });

export const searchKey = (conversationId: string): string => {
  let key = keys.get(conversationId);
  if (key === undefined) {
    key = createHash("sha256").update(conversationId).digest("hex").slice(0, KEY_CHARS);
    keys.set(conversationId, key);
  }
  return key;
};

/** The text that an engine indexes for a message. */
export const indexText = (conversationId: string, words: readonly string[]): string => {
  const key = searchKey(conversationId);
  return words.map((word) => key + word).join(" ");
};

/** For each word that a message must have: how it is written in each of the conversations. */
export const wordsToFind = ({ conversationIds, words }: Pick<SearchQuery, "conversationIds" | "words">): string[][] => {
  const ofConversations = [...new Set(conversationIds.map(searchKey))];
  return words.map(({ word, prefix }) => ofConversations.map((key) => `${key}${word}${prefix ? "*" : ""}`));
};

/** Conversations of one look-up: the words of one are what it costs. */
const CONVERSATIONS = 200;

/** Looks up part after part of the conversations, and puts what they found in one order. */
export const findInParts = async (query: SearchQuery, find: (part: SearchQuery) => Promise<string[]>): Promise<string[]> => {
  if (query.words.length === 0 || query.limit <= 0) return [];
  const found: bigint[] = [];
  for (let i = 0; i < query.conversationIds.length; i += CONVERSATIONS) {
    const ids = await find({ ...query, conversationIds: query.conversationIds.slice(i, i + CONVERSATIONS) });
    found.push(...ids.map(BigInt));
  }
  const newest = [...new Set(found)].sort((a, b) => (a < b ? 1 : a > b ? -1 : 0));
  return newest.slice(0, query.limit).map(String);
};

/** Greater than every message id. */
export const NO_ID = 2n ** 63n - 1n;
