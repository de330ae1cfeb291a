import { setBlockRule } from "./blocks.js";
import { answerContactRule, removeContactRule, requestContactRule, setRemarkRule } from "./contacts.js";
import { changeDialogRule, deleteDialogRule, orderPinsRule } from "./dialogs.js";
import { setDndRule } from "./dnd.js";
import { editRule } from "./edits.js";
import { answerJoinRequestRule, joinGroupRule } from "./group-joining.js";
import { banMemberRule, transferGroupRule, updateMemberRule } from "./group-members.js";
import { dissolveGroupRule, setInviteLinkRule, updateGroupRule } from "./group-settings.js";
import { addMembersRule, createGroupRule, removeMemberRule } from "./groups.js";
import { notifyRule, sendRule } from "./messages.js";
import { pinRule } from "./pins.js";
import { setPrivacyRule, setProfileRule } from "./profiles.js";
import { reactRule } from "./reactions.js";
import { readRule } from "./reads.js";
import { hideRule, recallRule } from "./recalls.js";
import type { CommandBody, CommandCase, Rule, ValueOf } from "./rule.js";
import { cancelScheduledRule, changeScheduledRule, failScheduledRule, scheduleRule } from "./scheduled.js";
import { createSupergroupRule, joinSupergroupRule, leaveSupergroupRule } from "./supergroups.js";
import { upgradeGroupRule } from "./upgrade.js";

/** Every command there is, and its rule. */
const rules: { readonly [C in CommandCase]: Rule<ValueOf<C>> } = {
  send: sendRule,
  notify: notifyRule,
  read: readRule,
  createGroup: createGroupRule,
  addMembers: addMembersRule,
  removeMember: removeMemberRule,
  updateGroup: updateGroupRule,
  updateMember: updateMemberRule,
  transferGroup: transferGroupRule,
  banMember: banMemberRule,
  setInviteLink: setInviteLinkRule,
  joinGroup: joinGroupRule,
  answerJoinRequest: answerJoinRequestRule,
  dissolveGroup: dissolveGroupRule,
  setDnd: setDndRule,
  setBlock: setBlockRule,
  requestContact: requestContactRule,
  answerContact: answerContactRule,
  removeContact: removeContactRule,
  setRemark: setRemarkRule,
  edit: editRule,
  recall: recallRule,
  hide: hideRule,
  react: reactRule,
  pin: pinRule,
  createSupergroup: createSupergroupRule,
  joinSupergroup: joinSupergroupRule,
  leaveSupergroup: leaveSupergroupRule,
  upgradeGroup: upgradeGroupRule,
  schedule: scheduleRule,
  changeScheduled: changeScheduledRule,
  cancelScheduled: cancelScheduledRule,
  failScheduled: failScheduledRule,
  setPrivacy: setPrivacyRule,
  setProfile: setProfileRule,
  changeDialog: changeDialogRule,
  deleteDialog: deleteDialogRule,
  orderPins: orderPinsRule,
};

/** The rule of a command, bound to its value's type. */
export const ruleOf = (body: CommandBody): Rule<CommandBody["value"]> => rules[body.$case] as Rule<CommandBody["value"]>;
