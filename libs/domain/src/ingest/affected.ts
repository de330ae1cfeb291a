import { isGroupId, isSupergroupId, pairOf } from "../ids.js";
import { type CommandBody, Needs } from "./rule.js";
import { ruleOf } from "./rules.js";

/**
 * Who may have been told of a command: the users its rule names, a pair's two, and (to be looked up) a group's
 * members and the contacts of users. */
export const affectedBy = (
  body: CommandBody,
): { users: ReadonlySet<string>; group: string | undefined; contactsOf: ReadonlySet<string> } => {
  const rule = ruleOf(body);
  const conversationId = rule.conversation(body.value);
  const needs = new Needs();
  rule.needs?.(body.value, needs);
  for (const userId of pairOf(conversationId) ?? []) needs.user(userId);
  return { users: needs.users, group: isGroupId(conversationId) ? conversationId : undefined, contactsOf: needs.people.audiences };
};

/** The supergroups whose log a command may have gone into. */
export const supergroupsOf = (body: CommandBody): string[] => {
  const conversationId = ruleOf(body).conversation(body.value);
  const ids = body.$case === "upgradeGroup" ? [conversationId, body.value.supergroupId] : [conversationId];
  return ids.filter(isSupergroupId);
};
