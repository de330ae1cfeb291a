import { DunlinError } from "./errors.js";
import type { Http } from "./http.js";
import { newClientMsgId } from "./random-id.js";

/** What a message says; `msg_type` "text" has `text`. At most 16,384 bytes as JSON. */
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
}

export interface OutgoingMessage {
  /** A user (U…), group (G…) or supergroup (C…). */
  to: string;
  payload: Payload;
  /** Made here when missing. The same id with the same message is stored once, however often it is sent. */
  client_msg_id?: string;
  mentions?: string[];
  reply_to?: string;
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

const withId = (message: OutgoingMessage): OutgoingMessage & { client_msg_id: string } => ({
  ...message,
  client_msg_id: message.client_msg_id ?? newClientMsgId(),
});
