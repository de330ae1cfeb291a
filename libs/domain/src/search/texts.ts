import type { MessageRow } from "@dunlin/engines/store";
import { fold } from "./fold.js";
import { indexWords } from "./words.js";

/** The fields that are text of people, by what a message carries. What apps put into custom ones is theirs. */
const FIELDS: Readonly<Record<string, readonly string[]>> = {
  text: ["text"],
  image: ["caption"],
  video: ["caption"],
  file: ["name", "caption"],
  location: ["title", "address"],
  card: ["title"],
};

/** A payload that is no object has no fields: one message must not stop the index. */
const fieldsOf = (payload: string): Readonly<Record<string, unknown>> => {
  try {
    return (JSON.parse(payload) ?? {}) as Readonly<Record<string, unknown>>;
  } catch {
    return {};
  }
};

/** What of a message can be searched, folded. Nothing of one that was recalled, nor of system notices. */
export const searchTexts = (message: Pick<MessageRow, "type" | "payload" | "recalledAt">): string[][] => {
  if (message.recalledAt !== null || message.type === "S2C") return [];
  const payload = fieldsOf(message.payload);
  const type = payload["msg_type"];
  const fields = typeof type === "string" && Object.hasOwn(FIELDS, type) ? (FIELDS[type] as readonly string[]) : [];
  return fields
    .map((field) => payload[field])
    .filter((value) => typeof value === "string")
    .map((value) => fold(value));
};

/** The words by which the index knows a message. */
export const searchWords = (message: Pick<MessageRow, "type" | "payload" | "recalledAt">): string[] => [
  ...new Set(searchTexts(message).flatMap(indexWords)),
];
