import type { MessageRow } from "./messages.js";

/** A version of a message's payload that an edit has replaced. */
export interface EditRow {
  readonly messageId: string;
  /** 1 for the first version, 2 for the one after it … */
  readonly no: number;
  readonly payload: string;
  /** ms; when this version was written, and when the next one took its place. */
  readonly writtenAt: number;
  readonly replacedAt: number;
}

/** A message that one user has deleted for oneself. */
export interface HiddenPlace {
  readonly userId: string;
  readonly conversationId: string;
  readonly seq: number;
}

export interface ReactionKey {
  readonly messageId: string;
  readonly userId: string;
  readonly emoji: string;
}

/** How many users have reacted to a message with an emoji, and when the first of them did. */
export interface ReactionCount {
  readonly messageId: string;
  readonly emoji: string;
  readonly count: number;
  readonly firstAt: number;
}

/** The same, as one user sees it. */
export interface ReactionSummary extends ReactionCount {
  readonly mine: boolean;
}

export interface PinRow {
  readonly conversationId: string;
  readonly seq: number;
  readonly messageId: string;
  readonly pinnedBy: string;
  readonly pinnedAt: number;
}

/** What people do to messages beside sending them: as requests read it. */
export interface Annotations {
  /** The versions of a message that edits have replaced, the oldest first. */
  edits(messageId: string): Promise<EditRow[]>;
  /** The reactions to many messages; those to one message by when the first came, then by emoji. */
  reactions(messageIds: readonly string[], viewer: string): Promise<ReactionSummary[]>;
  /** The newest pin first. */
  pinned(conversationId: string): Promise<PinRow[]>;
  /** Those of the places that their users have deleted for themselves. */
  hidden(places: readonly HiddenPlace[]): Promise<HiddenPlace[]>;
}

/** The same, as ingest reads it within its transaction. */
export interface AnnotationReads {
  messages(ids: readonly string[]): Promise<MessageRow[]>;
  hidden(places: readonly HiddenPlace[]): Promise<HiddenPlace[]>;
  /** Those of the reactions that are there. */
  reactions(keys: readonly ReactionKey[]): Promise<ReactionKey[]>;
  reactionCounts(messageIds: readonly string[]): Promise<ReactionCount[]>;
  pins(conversationIds: readonly string[]): Promise<PinRow[]>;
  /** Who has written stored messages in (afterSeq, upToSeq]. */
  authors(conversationId: string, afterSeq: number, upToSeq: number): Promise<string[]>;
}

export interface AnnotationChanges {
  /** Stored messages whose payload, mentions or marks change, with their new values. */
  readonly messages: readonly MessageRow[];
  /** Messages whose edits and reactions are removed; carried out before anything is added. */
  readonly cleared: readonly string[];
  readonly edits: readonly EditRow[];
  readonly hidden: readonly (HiddenPlace & { readonly at: number })[];
  readonly reactionsAdded: readonly (ReactionKey & { readonly at: number })[];
  readonly reactionsRemoved: readonly ReactionKey[];
  /** New values; a count of 0 goes. */
  readonly reactionCounts: readonly ReactionCount[];
  readonly pinsAdded: readonly PinRow[];
  readonly pinsRemoved: readonly { readonly conversationId: string; readonly seq: number }[];
}

export const noAnnotations: AnnotationChanges = {
  messages: [],
  cleared: [],
  edits: [],
  hidden: [],
  reactionsAdded: [],
  reactionsRemoved: [],
  reactionCounts: [],
  pinsAdded: [],
  pinsRemoved: [],
};
