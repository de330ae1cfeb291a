import type { Http } from "./http.js";
import type { OutgoingMessage, Payload } from "./messages.js";
import type { Page, PageQuery } from "./page.js";
import { newClientMsgId } from "./random-id.js";

/** A message to be sent later. */
export interface ScheduledMessage {
  id: string;
  client_msg_id: string;
  to: string;
  payload: Payload;
  mentions?: string[];
  reply_to?: string;
  forwarded_from?: { message_id: string };
  /** ms since 1970. */
  send_at: number;
  state: "open" | "sent" | "failed" | "cancelled";
  /** Rises with every change. */
  version: number;
  created_at: number;
  updated_at: number;
  /** The message it became. */
  message_id?: string;
  /** Why it failed. */
  code?: number;
  msg?: string;
}

/** Messages to be sent later. One's devices follow them by SCHEDULED updates. All calls can be repeated. */
export class Scheduled {
  constructor(private readonly http: Http) {}

  /** @param sendAt ms since 1970. @throws DunlinError 821 a time in the past or more than 366 days ahead, 862 too many */
  create(message: OutgoingMessage, sendAt: number): Promise<ScheduledMessage> {
    const body = { client_msg_id: newClientMsgId(), ...message, send_at: sendAt };
    return this.http.request("POST", "/v1/scheduled-messages", { body, repeatable: true });
  }

  /** Those that wait for their time and those that failed, the soonest first. */
  list(query: PageQuery = {}): Promise<Page<ScheduledMessage>> {
    return this.http.request("GET", "/v1/scheduled-messages", { query: { ...query }, repeatable: true });
  }

  /** @throws DunlinError with status 404. */
  get(id: string): Promise<ScheduledMessage> {
    return this.http.request("GET", pathOf(id), { repeatable: true });
  }

  /** @throws DunlinError 821, 822 when it was sent, refused or cancelled. */
  change(id: string, change: { payload?: Payload; send_at?: number }): Promise<ScheduledMessage> {
    return this.http.request("PATCH", pathOf(id), { body: change, repeatable: true });
  }

  /** Takes it back, or one that failed out of the list. @throws DunlinError 822 when it was sent. */
  cancel(id: string): Promise<ScheduledMessage> {
    return this.http.request("DELETE", pathOf(id), { repeatable: true });
  }
}

const pathOf = (id: string): string => `/v1/scheduled-messages/${encodeURIComponent(id)}`;
