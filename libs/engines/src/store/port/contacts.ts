/** A contact, or a request that waits for its answer; as `userId` has it. The peer has a row of its own. */
export type ContactState = "contact" | "incoming" | "outgoing";

export interface ContactRow {
  readonly userId: string;
  readonly peer: string;
  readonly state: ContactState;
  /** What `userId` calls the peer; "" for none. */
  readonly remark: string;
  /** What came with the request; "" for none. */
  readonly message: string;
  /** When it came into this state, ms since 1970. */
  readonly since: number;
}

/** `userId` wants nothing to do with `peer`. */
export interface BlockRow {
  readonly userId: string;
  readonly peer: string;
  readonly since: number;
}

/** `peer` has refused to be a contact of `userId`, who asked. */
export interface ContactRefusal {
  readonly userId: string;
  readonly peer: string;
  readonly refusedAt: number;
}

/** How many rows a user has of each kind: what limits are checked against. */
export interface ContactCounts {
  readonly contact: number;
  readonly incoming: number;
  readonly outgoing: number;
  readonly blocks: number;
}

export interface Contacts {
  /** One user's rows about these peers, those there are. */
  get(userId: string, peers: readonly string[]): Promise<ContactRow[]>;
  /** Ordered by peer, behind `after` ("" for the first). */
  list(userId: string, state: ContactState, after: string, limit: number): Promise<ContactRow[]>;
  /** When the peer last refused the user, ms since 1970; undefined when never since they were contacts. */
  refusedAt(userId: string, peer: string): Promise<number | undefined>;
  /** Ordered by peer, behind `after` ("" for the first). */
  blocks(userId: string, after: string, limit: number): Promise<BlockRow[]>;
  /**
   * What the two users of each of these 1:1 conversations are to each other (`ConversationRow.relation`). Those who are
   * nothing to each other may be missing.
   */
  relations(conversationIds: readonly string[]): Promise<Map<string, number>>;
}
