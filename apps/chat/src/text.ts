import type { Message } from "@dunlin/client";

/** What others wrote, safe to print: no control characters (a terminal would obey them), no line breaks. */
export const printable = (text: string): string => text.replace(/[\r\n\t]+/g, " ").replace(/[\p{Cc}\p{Bidi_Control}]/gu, "");

/** Hours and minutes, local time. */
export const clock = (ms: number): string => {
  const at = new Date(ms);
  return `${String(at.getHours()).padStart(2, "0")}:${String(at.getMinutes()).padStart(2, "0")}`;
};

/** What a message says, in a line. */
export const saying = (message: Pick<Message, "payload">): string => {
  const { msg_type, text } = message.payload;
  return typeof text === "string" ? printable(text) : `[${printable(String(msg_type))}]`;
};
