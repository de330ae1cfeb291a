import type { Http } from "./http.js";
import type { Page, PageQuery } from "./page.js";

/** How it stands between oneself and a user. */
export interface Contact {
  user_id: string;
  nickname: string;
  avatar: string;
  /** incoming: the user has asked, outgoing: oneself has; none: neither contact nor request. */
  state: "contact" | "incoming" | "outgoing" | "none";
  /** What one calls the user. */
  remark: string;
  /** What came with the request. */
  message: string;
  /** When it came into this state, ms since 1970; 0 for none. */
  since: number;
}

/** One's contacts. The devices of both follow changes by CONTACT updates. All changes can be repeated. */
export class Contacts {
  constructor(private readonly http: Http) {}

  /** Asks a user to be a contact, or accepts when the user has asked already. @throws DunlinError 803, 860 refused, 862 full, 866 refused a while ago */
  request(userId: string, message?: string): Promise<Contact> {
    const body = { user_id: userId, ...(message === undefined ? {} : { message }) };
    return this.http.request("POST", "/v1/contacts", { body, repeatable: true });
  }

  /** @throws DunlinError with status 404 when no request of that user waits. */
  accept(userId: string): Promise<Contact> {
    return this.#answer(userId, "accept");
  }

  refuse(userId: string): Promise<Contact> {
    return this.#answer(userId, "refuse");
  }

  /** Ends a contact or an open request, whoever made it. */
  remove(userId: string): Promise<Contact> {
    return this.http.request("DELETE", contactPath(userId), { repeatable: true });
  }

  /** @throws DunlinError with status 404 when the user is no contact. */
  setRemark(userId: string, remark: string): Promise<Contact> {
    return this.http.request("PATCH", contactPath(userId), { body: { remark }, repeatable: true });
  }

  list(query: PageQuery = {}): Promise<Page<Contact>> {
    return this.http.request("GET", "/v1/contacts", { query: { ...query }, repeatable: true });
  }

  /** Requests that wait: those of others, or one's own. */
  requests(direction: "incoming" | "outgoing" = "incoming", query: PageQuery = {}): Promise<Page<Contact>> {
    return this.http.request("GET", "/v1/contacts/requests", { query: { direction, ...query }, repeatable: true });
  }

  #answer(userId: string, action: "accept" | "refuse"): Promise<Contact> {
    return this.http.request("POST", contactPath(userId), { body: { action }, repeatable: true });
  }
}

const contactPath = (userId: string): string => `/v1/contacts/${encodeURIComponent(userId)}`;
