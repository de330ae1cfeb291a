import type { Http } from "./http.js";
import type { Message } from "./messages.js";
import type { Page, PageQuery } from "./page.js";

/** One's own view of a conversation. */
export interface Dialog {
  peer: string;
  conversation_id: string;
  kind: "user" | "group" | "supergroup";
  title: string;
  avatar: string;
  top_message: Message | null;
  top_seq: number;
  read_seq: number;
  unread: number;
  unread_mentions: number;
  pinned: boolean;
  /** The greater, the higher among the pinned; 0 when not pinned. */
  pin_order: number;
  muted_until: number;
  draft: string;
  archived: boolean;
  marked_unread: boolean;
  /** Where one left the group; null for a member and in a 1:1. */
  left_seq: number | null;
  updated_at: number;
}

export interface Pin {
  message: Message;
  pinned_by: string;
  /** ms */
  pinned_at: number;
}

export interface HistoryRange {
  /** Messages before this place, the newest first reached. */
  before_seq?: number;
  /** Messages after this place. */
  after_seq?: number;
  limit?: number;
}

/** What is not named stays as it is. */
export interface DialogChange {
  /** The newest pinned one is on top; at most 100. */
  pinned?: boolean;
  /** ms since 1970, 0: not muted. */
  muted_until?: number;
  /** At most 4,096 characters; empty: none. */
  draft?: string;
  archived?: boolean;
  /** Reading the dialog takes it away. */
  marked_unread?: boolean;
}

export interface UnreadCounts {
  unread: number;
  unread_mentions: number;
  /** Dialogs with something unread, or marked as such. */
  dialogs: number;
}

export class Dialogs {
  constructor(private readonly http: Http) {}

  /** Pinned first, then by last activity. */
  list(query: PageQuery = {}): Promise<Page<Dialog>> {
    return this.http.request("GET", "/v1/dialogs", { query: { ...query }, repeatable: true });
  }

  get(peer: string): Promise<Dialog> {
    return this.http.request("GET", dialogPath(peer), { repeatable: true });
  }

  /** Messages ascending by seq; the newest ones when no range is given. */
  history(peer: string, range: HistoryRange = {}): Promise<Page<Message>> {
    return this.http.request("GET", `${dialogPath(peer)}/messages`, { query: { ...range }, repeatable: true });
  }

  /** The pinned messages, the newest pin first. */
  async pinned(peer: string): Promise<Pin[]> {
    return (await this.http.request<Page<Pin>>("GET", `${dialogPath(peer)}/pinned`, { repeatable: true })).items;
  }

  /** Takes effect on all of one's devices, which get a DIALOG update. */
  async change(peer: string, change: DialogChange): Promise<void> {
    await this.http.request("PATCH", dialogPath(peer), { body: change, repeatable: true });
  }

  /** Deletes the dialog and its messages for oneself; a later message brings it back. Not repeated: it would delete that one too. */
  async remove(peer: string): Promise<void> {
    await this.http.request("DELETE", dialogPath(peer), { repeatable: false });
  }

  /** Pins these dialogs, the first on top, and unpins all others. */
  async pin(peers: readonly string[]): Promise<void> {
    await this.http.request("PUT", "/v1/dialogs/pinned", { body: { peers }, repeatable: true });
  }

  /** What is unread in all dialogs together; those muted now are counted apart. */
  unread(): Promise<UnreadCounts & { muted: UnreadCounts }> {
    return this.http.request("GET", "/v1/dialogs/unread", { repeatable: true });
  }

  /** Unread messages that mention one, or everybody; the oldest first. */
  mentions(peer: string, query: PageQuery = {}): Promise<Page<Message>> {
    return this.http.request("GET", `${dialogPath(peer)}/mentions`, { query: { ...query }, repeatable: true });
  }

  /** Everything up to and including `seq` is read; never goes back. */
  async read(peer: string, seq: number): Promise<void> {
    await this.http.request("POST", `${dialogPath(peer)}/read`, { body: { seq }, repeatable: true });
  }

  /** Tells the peer that one is writing; more often than every 3 s it does nothing. Shown for some seconds at most. */
  async typing(peer: string): Promise<void> {
    await this.http.request("POST", `${dialogPath(peer)}/typing`, { repeatable: false });
  }
}

const dialogPath = (peer: string): string => `/v1/dialogs/${encodeURIComponent(peer)}`;
