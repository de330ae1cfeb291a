import { isMessageId, isUserId, type PushPreferences, pushSchema } from "@dunlin/domain";
import type { QueueRecord } from "@dunlin/engines/queue";
import { queue as records, SCHEMA_VERSION } from "@dunlin/proto";

/** A record of the topic `pushes` that is well formed. */
export interface ValidPush {
  readonly push: records.Push;
  readonly preferences: PushPreferences | undefined;
}

const parse = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
};

/** @returns the push, or the reason why the record can never be one. */
export const decodePush = (record: QueueRecord): ValidPush | string => {
  if (record.value === null || record.value.byteLength === 0) return "no value";
  let push: records.Push;
  try {
    push = records.Push.decode(record.value);
  } catch {
    return "not a push";
  }
  if (push.version !== SCHEMA_VERSION) return `unknown schema version ${push.version}`;
  if (!isUserId(push.userId)) return "wrong user id";
  if (record.key !== push.userId) return "key is not the user";
  if (!isMessageId(push.messageId)) return "wrong message id";
  if (push.push === undefined) return { push, preferences: undefined };
  const preferences = pushSchema.safeParse(parse(push.push));
  return preferences.success ? { push, preferences: preferences.data } : "wrong push preferences";
};
