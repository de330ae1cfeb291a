import type { PrivacyRow, UserRow } from "@dunlin/engines/store";
import type { ErrorCode, queue } from "@dunlin/proto";
import { isUserId, systemConversationOf } from "../ids.js";
import type { Draft } from "./draft.js";
import type { Rule } from "./rule.js";

/** Why a command about a user's own settings can never be applied: it stands under the user's system conversation. */
const ownProblem = (value: { conversationId: string; userId: string }): string | undefined => {
  if (!isUserId(value.userId)) return "wrong user id";
  return value.conversationId === systemConversationOf(value.userId) ? undefined : "unknown conversation";
};

const isOneOf = <T extends string>(text: string, words: readonly T[]): text is T => (words as readonly string[]).includes(text);

/** A user's name, picture and words; the user's own devices and all contacts learn it. */
const applySetProfile = (draft: Draft, set: queue.SetProfile): ErrorCode => {
  const before = draft.people.profile(set.userId);
  if (!before) return "NOT_FOUND";
  const { nickname = before.nickname, avatar = before.avatar, bio = before.bio ?? "" } = set;
  if (nickname === before.nickname && avatar === before.avatar && bio === (before.bio ?? "")) return "OK";
  const { bio: _, ...rest } = before;
  const row: UserRow = { ...rest, nickname, avatar, ...(bio === "" ? {} : { bio }) };
  draft.people.putProfile(row);
  const told = [set.userId, ...draft.people.audience(set.userId)];
  draft.tell(told, "PROFILE", set.conversationId, { user_id: set.userId, nickname, avatar, bio });
  return "OK";
};

export const setProfileRule: Rule<queue.SetProfile> = {
  conversation: (set) => set.conversationId,
  problem: ownProblem,
  needs: (set, needs) => {
    needs.user(set.userId);
    needs.people.profile(set.userId);
    needs.people.audience(set.userId);
  },
  apply: applySetProfile,
};

const privacyOf = ({ userId, messages, groups, lastSeen, findByAccount }: queue.SetPrivacy): PrivacyRow | undefined =>
  isOneOf(messages, ["everyone", "contacts"]) &&
  isOneOf(groups, ["everyone", "contacts"]) &&
  isOneOf(lastSeen, ["everyone", "contacts", "nobody"])
    ? { userId, messages, groups, lastSeen, findByAccount }
    : undefined;

/** What a user lets others do; the user's own devices learn it. */
const applySetPrivacy = (draft: Draft, set: queue.SetPrivacy): ErrorCode => {
  const row = privacyOf(set);
  if (!row || !draft.userExists(set.userId)) return "NOT_FOUND";
  const before = draft.people.privacy(set.userId);
  const same = (["messages", "groups", "lastSeen", "findByAccount"] as const).every((field) => before[field] === row[field]);
  if (same) return "OK";
  draft.people.putPrivacy(row);
  draft.tell([set.userId], "PRIVACY", set.conversationId, {
    messages: row.messages,
    groups: row.groups,
    last_seen: row.lastSeen,
    find_by_account: row.findByAccount,
  });
  return "OK";
};

export const setPrivacyRule: Rule<queue.SetPrivacy> = {
  conversation: (set) => set.conversationId,
  problem: (set) => ownProblem(set) ?? (privacyOf(set) ? undefined : "unknown setting"),
  needs: (set, needs) => {
    needs.user(set.userId);
    needs.people.privacy(set.userId);
  },
  apply: applySetPrivacy,
};
