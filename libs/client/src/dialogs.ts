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
  muted_until: number;
  draft: string;
  archived: boolean;
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
