import type { Http } from "./http.js";
import type { Message } from "./messages.js";
import type { Page, PageQuery } from "./page.js";

/** A message that was found, with what shows where it was said and by whom. */
export interface SearchResult {
  message: Message;
  dialog: { peer: string; kind: "user" | "group" | "supergroup"; title: string; avatar: string };
  sender: { id: string; nickname: string; avatar: string };
}

export interface SearchOptions extends PageQuery {
  /** Only the conversation with this user, or of this group or supergroup. */
  peer?: string;
}

export class Search {
  constructor(private readonly http: Http) {}

  /**
   * Messages that say all words of `text`, the newest first; what was just said is found within seconds. A page may be
   * shorter than `limit`: the end is where next_cursor is null.
   */
  messages(text: string, options: SearchOptions = {}): Promise<Page<SearchResult>> {
    return this.http.request("GET", "/v1/search", { query: { q: text, ...options }, repeatable: true });
  }
}
