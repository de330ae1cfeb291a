import type { MessageRow, SupergroupEntry, UpdateWithMessage } from "@dunlin/engines/store";

/**
 * Frames as text: `{"type":…,"pts":…,<rest>`. The rest is the same for every receiver, so it is made once a message
 * and only the pts differs. `GET /v1/updates` and the live stream show the same text.
 */
export const frameText = (type: string, pts: number, rest: string): string => `{"type":"${type}","pts":${pts},${rest}`;

/** A message's fields behind type and pts, closing brace included. */
export const messageRest = (m: MessageRow): string =>
  `"id":"${m.id}","conversation_id":"${m.conversationId}","seq":${m.seq},${messageBody(m)}`;

/** What a message is wherever it stands. */
const messageBody = (m: MessageRow): string => {
  let rest = `"from":"${m.from}","to":"${m.to}","client_msg_id":${JSON.stringify(m.clientMsgId)},"payload":${m.payload},"created_at":${m.createdAt},"server_ts":${m.serverTs}`;
  if (m.replyTo !== null) rest += `,"reply_to":"${m.replyTo}"`;
  if (m.mentions !== null) rest += `,"mentions":${m.mentions}`;
  if (m.forwardedFrom !== null) rest += `,"forwarded_from":${m.forwardedFrom}`;
  if (m.editedAt !== null) rest += `,"edited_at":${m.editedAt}`;
  if (m.recalledAt !== null) rest += `,"recalled_at":${m.recalledAt}`;
  return `${rest}}`;
};

/** A message as the HTTP answers show it. */
export const messageText = (m: MessageRow): string => `{"type":"${m.type}",${messageRest(m)}`;

/**
 * An entry of a supergroup's log that is no message, as its frame: no pts, its seq is its place. One that shows a message
 * has that one's seq as `message_seq`.
 */
export const entryText = (entry: { type: string; conversationId: string; seq: number; body: string; shows?: MessageRow }): string => {
  const head = `{"type":"${entry.type}","conversation_id":"${entry.conversationId}","seq":${entry.seq}`;
  if (entry.shows) return `${head},"id":"${entry.shows.id}","message_seq":${entry.shows.seq},${messageBody(entry.shows)}`;
  return entry.body === "{}" ? `${head}}` : `${head},${entry.body.slice(1)}`;
};

/** An entry of a supergroup's log as its frame, just as the live stream carries it. */
export const supergroupFrame = (conversationId: string, entry: SupergroupEntry): string =>
  entry.message ? messageText(entry.message) : entryText({ ...entry, conversationId });

/** An update of the log as its frame. A message that is gone leaves its place: `{"type":…,"pts":…,"gone":true}`. */
export const updateText = (u: UpdateWithMessage): string => {
  if (u.message) return frameText(u.type, u.pts, messageRest(u.message));
  if (u.body === null) return frameText(u.type, u.pts, `"conversation_id":"${u.conversationId}","gone":true}`);
  return frameText(u.type, u.pts, u.body.slice(1));
};
