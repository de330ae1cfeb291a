import type { ScheduledRow } from "@dunlin/engines/store";
import { errorByNumber, errors } from "@dunlin/proto";
import type { MessagePayload, PushPreferences } from "./payload.js";

/** What a scheduled message is to say, as clients give it; kept as JSON text. */
export interface ScheduledBody {
  readonly to: string;
  readonly payload: MessagePayload;
  readonly mentions?: readonly string[] | undefined;
  readonly reply_to?: string | undefined;
  readonly push?: PushPreferences | undefined;
  readonly forwarded_from?: { readonly message_id: string } | undefined;
}

export const readBody = (row: Pick<ScheduledRow, "body">): ScheduledBody => JSON.parse(row.body) as ScheduledBody;

/** The client_msg_id that a version of a scheduled message is sent with: none that a client can choose, for it holds spaces. */
export const scheduledClientMsgId = (row: Pick<ScheduledRow, "id" | "version">): string => `scheduled ${row.id} ${row.version}`;

/** A scheduled message as its user's devices see it, in answers and in SCHEDULED frames. */
export const scheduledView = (row: ScheduledRow) => ({
  id: row.id,
  client_msg_id: row.clientMsgId,
  ...readBody(row),
  send_at: row.sendAt,
  state: row.state,
  version: row.version,
  created_at: row.createdAt,
  updated_at: row.updatedAt,
  ...(row.messageId === null ? {} : { message_id: row.messageId }),
  ...(row.code === 0 ? {} : { code: row.code, msg: errors[errorByNumber(row.code) ?? "INTERNAL"].en }),
});
