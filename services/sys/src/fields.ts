import {
  AVATAR,
  AVATAR_MAX,
  AVATAR_SAYS,
  isGroupId,
  isMessageId,
  isPeerId,
  isSupergroupId,
  isUserId,
  PASSWORD_LENGTH,
  textRules,
} from "@dunlin/domain";
import { AppError } from "@dunlin/runtime";

const wrong = (field: string, what: string): AppError => new AppError("BAD_REQUEST", `${field}: ${what}`, { details: { field } });

/** Checks of request fields, by their names in the .proto. Each answers the value. @throws AppError BAD_REQUEST naming the field. */
export const field = {
  userId: (name: string, value: string): string => {
    if (!isUserId(value)) throw wrong(name, "must be a user id (U and 14 characters)");
    return value;
  },
  groupId: (name: string, value: string): string => {
    if (!isGroupId(value)) throw wrong(name, "must be a group id (G and 14 characters)");
    return value;
  },
  supergroupId: (name: string, value: string): string => {
    if (!isSupergroupId(value)) throw wrong(name, "must be a supergroup id (C and 14 characters)");
    return value;
  },
  peerId: (name: string, value: string): string => {
    if (!isPeerId(value)) throw wrong(name, "must be a user, group or supergroup id");
    return value;
  },
  groupOrSupergroupId: (name: string, value: string): string => {
    if (!isGroupId(value) && !isSupergroupId(value)) throw wrong(name, "must be a group or supergroup id");
    return value;
  },
  /** Where a list goes on: behind a user, or from its beginning. */
  after: (name: string, value: string): string => (value === "" ? "" : field.userId(name, value)),
  other: (name: string, value: string, one: string): string => {
    if (value === one) throw wrong(name, "must be another user");
    return value;
  },
  avatar: (name: string, value: string): string => {
    if (!AVATAR.test(value) || value.length > AVATAR_MAX) throw wrong(name, `must be ${AVATAR_SAYS}`);
    return value;
  },
  messageId: (name: string, value: string): string => {
    if (!isMessageId(value)) throw wrong(name, "must be a message id (a decimal number of at most 63 bits)");
    return value;
  },
  /** A text of `min` to `max` characters without control characters. */
  text: (name: string, value: string, min: number, max: number): string => {
    const length = [...value].length;
    if (length < min || length > max) throw wrong(name, `must have ${min} to ${max} characters`);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: it is control characters that are refused
    if (/[\u0000-\u001f\u007f]/.test(value)) throw wrong(name, "must not contain control characters");
    return value;
  },
  /** The same where line breaks are allowed. */
  lines: (name: string, value: string, min: number, max: number): string => {
    field.text(name, value.replaceAll("\n", " "), min, max);
    return value;
  },
  /** A short text of a form that the whole system shares, e.g. a device id. */
  ruled: (name: string, value: string, rule: keyof typeof textRules): string => {
    const { pattern, says } = textRules[rule];
    if (!pattern.test(value)) throw wrong(name, `must have ${says}`);
    return value;
  },
  password: (name: string, value: string): string => {
    const { min, max } = PASSWORD_LENGTH;
    if (value.length < min || value.length > max) throw wrong(name, `must have ${min} to ${max} characters`);
    return value;
  },
  integer: (name: string, value: number, min: number, max: number): number => {
    if (!Number.isSafeInteger(value) || value < min || value > max) throw wrong(name, `must be a whole number, ${min} to ${max}`);
    return value;
  },
  oneOf: <const V extends string>(name: string, value: string, allowed: readonly V[]): V => {
    if (!(allowed as readonly string[]).includes(value)) throw wrong(name, `must be one of ${allowed.join(", ")}`);
    return value as V;
  },
  /** A list of `min` to `max` different items, each checked. */
  list: <T>(name: string, values: readonly T[], min: number, max: number, item: (name: string, value: T) => T): readonly T[] => {
    if (values.length < min || values.length > max) throw wrong(name, `must have ${min} to ${max} items`);
    for (const [i, value] of values.entries()) item(`${name}[${i}]`, value);
    if (new Set(values).size !== values.length) throw wrong(name, "must not contain an item twice");
    return values;
  },
};
