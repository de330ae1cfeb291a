import type { ErrorCode, queue } from "@dunlin/proto";
import { readSchedule } from "../dnd.js";
import { isUserId, systemConversationOf } from "../ids.js";
import type { Draft } from "./draft.js";
import type { Rule } from "./rule.js";

/** The user's devices learn of it; whoever pushes reads it from the store. */
const applySetDnd = (draft: Draft, { userId, snoozeUntil, schedule, allowMentions }: queue.SetDnd): ErrorCode => {
  if (!draft.userExists(userId)) return "NOT_FOUND";
  draft.putDnd({ userId, snoozeUntil, schedule: schedule ?? null, allowMentions });
  draft.tell([userId], "DND", systemConversationOf(userId), {
    snooze_until: snoozeUntil,
    schedule: schedule === undefined ? null : (readSchedule(schedule) ?? null),
    allow_mentions: allowMentions,
  });
  return "OK";
};

export const setDndRule: Rule<queue.SetDnd> = {
  conversation: ({ userId }) => systemConversationOf(userId),
  problem: ({ userId, snoozeUntil, schedule }) => {
    if (!isUserId(userId)) return "wrong user id";
    if (!Number.isSafeInteger(snoozeUntil) || snoozeUntil < 0) return "wrong snooze_until";
    return schedule === undefined || readSchedule(schedule) ? undefined : "wrong schedule";
  },
  needs: ({ userId }, needs) => needs.user(userId),
  apply: applySetDnd,
};
