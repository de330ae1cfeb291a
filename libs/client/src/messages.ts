import { DunlinError } from "./errors.js";
import type { Http } from "./http.js";
import type { Page } from "./page.js";
import { newClientMsgId } from "./random-id.js";

/** What a message says; `msg_type` "text" has `text`, "recalled" nothing any more. At most 16,384 bytes as JSON. */
export interface Payload {
  msg_type: string;
  [field: string]: unknown;
}

export interface Message {
  id: string;
  conversation_id: string;
  /** Its place in the conversation: 1, 2, 3 … */
  seq: number;
  type: "C2C" | "C2G" | "C2S" | "S2C";
  from: string;
  to: string;
  client_msg_id: string;
  payload: Payload;
  /** When the server accepted it, ms. */
  created_at: number;
  /** When it was stored, ms. */
  server_ts: number;
  reply_to?: string;
  mentions?: string[];
  /** The message it passes on, and who said it. */
  forwarded_from?: { message_id: string; user_id: string };
  /** When it was edited last, ms. */
  edited_at?: number;
  /** When it was recalled for everybody, ms. */
  recalled_at?: number;
  /** In histories, when there are any. */
  reactions?: Reaction[];
}

export interface Reaction {
  emoji: string;
  count: number;
  /** Whether one of them is one's own. */
  mine: boolean;
}

/** What a message said before an edit. */
export interface Edit {
  payload: Payload;
  /** ms */
  written_at: number;
  replaced_at: number;
}

export interface Reader {
  user_id: string;
  read_seq: number;
}

export interface OutgoingMessage {
  /** A user (U…), group (G…) or supergroup (C…). */
  to: string;
  payload: Payload;
  /** Made here when missing. The same id with the same message is stored once, however often it is sent. */
  client_msg_id?: string;
  mentions?: string[];
  reply_to?: string;
  /** A message one can see, whose payload this is. */
  forwarded_from?: { message_id: string };
  push?: Record<string, unknown>;
}

/** The message is durable: it will be stored and delivered. */
export interface Accepted {
  id: string;
  conversation_id: string;
  created_at: number;
  state: "accepted";
  client_msg_id: string;
}

export type BatchResult = { ok: true; accepted: Accepted } | { ok: false; error: DunlinError; client_msg_id: string };

type BatchItem = { code: number; msg: string; data?: Omit<Accepted, "client_msg_id"> | null };

const BATCH_MAX = 100;

export class Messages {
  constructor(private readonly http: Http) {}

  /** Sends a message. Tried again under the same client_msg_id, so it never arrives twice. @throws DunlinError */
  async send(message: OutgoingMessage): Promise<Accepted> {
    const body = withId(message);
    const answer = await this.http.request<Omit<Accepted, "client_msg_id">>("POST", "/v1/messages", { body, repeatable: true });
    return { ...answer, client_msg_id: body.client_msg_id };
  }

  sendText(to: string, text: string): Promise<Accepted> {
    return this.send({ to, payload: { msg_type: "text", text } });
  }

  /** Passes a message on. */
  forward(message: Pick<Message, "id" | "payload">, to: string): Promise<Accepted> {
    return this.send({ to, payload: message.payload, forwarded_from: { message_id: message.id } });
  }

  /** Puts another payload in the place of one's message. */
  async edit(id: string, payload: Payload): Promise<void> {
    await this.http.request("PATCH", messagePath(id), { body: { payload }, repeatable: true });
  }

  /** What a message said before; for its sender, and a group's owner and admins. */
  async edits(id: string): Promise<Edit[]> {
    return (await this.http.request<Page<Edit>>("GET", `${messagePath(id)}/edits`, { repeatable: true })).items;
  }

  /** Takes a message back for everybody. */
  async recall(id: string): Promise<void> {
    await this.http.request("DELETE", messagePath(id), { query: { for: "everyone" }, repeatable: true });
  }

  /** Deletes a message for oneself, on all one's devices. */
  async deleteForMe(id: string): Promise<void> {
    await this.http.request("DELETE", messagePath(id), { query: { for: "me" }, repeatable: true });
  }

  /** Reacts with one emoji. */
  async react(id: string, emoji: string): Promise<void> {
    await this.http.request("PUT", reactionPath(id, emoji), { repeatable: true });
  }

  async unreact(id: string, emoji: string): Promise<void> {
    await this.http.request("DELETE", reactionPath(id, emoji), { repeatable: true });
  }

  /** Pins a message for everybody in its conversation. */
  async pin(id: string): Promise<void> {
    await this.http.request("PUT", `${messagePath(id)}/pin`, { repeatable: true });
  }

  async unpin(id: string): Promise<void> {
    await this.http.request("DELETE", `${messagePath(id)}/pin`, { repeatable: true });
  }

  /** Who has read a message, and up to where; nobody is named in a supergroup. */
  async readers(id: string): Promise<Reader[]> {
    return (await this.http.request<Page<Reader>>("GET", `${messagePath(id)}/readers`, { repeatable: true })).items;
  }

  /** How many have read a message, its sender not among them; also in a supergroup. */
  async readCount(id: string): Promise<number> {
    const { count } = await this.http.request<{ count: number }>("GET", `${messagePath(id)}/readers`, { repeatable: true });
    return count;
  }

  /** Sends up to 100 messages in one call; each has its own result, in their order. */
  async sendBatch(messages: readonly OutgoingMessage[]): Promise<BatchResult[]> {
    if (messages.length > BATCH_MAX) throw new RangeError(`a batch takes at most ${BATCH_MAX} messages`);
    const body = { messages: messages.map(withId) };
    const { results } = await this.http.request<{ results: BatchItem[] }>("POST", "/v1/messages/batch", { body, repeatable: true });
    return body.messages.map(({ client_msg_id }, i): BatchResult => {
      const result = results[i];
      if (result?.code === 0 && result.data) return { ok: true, accepted: { ...result.data, client_msg_id } };
      return { ok: false, error: new DunlinError(result?.code ?? 1, result?.msg ?? "no result"), client_msg_id };
    });
  }
}

const messagePath = (id: string): string => `/v1/messages/${encodeURIComponent(id)}`;
const reactionPath = (id: string, emoji: string): string => `${messagePath(id)}/reactions/${encodeURIComponent(emoji)}`;

const withId = (message: OutgoingMessage): OutgoingMessage & { client_msg_id: string } => ({
  ...message,
  client_msg_id: message.client_msg_id ?? newClientMsgId(),
});
