import type { JoinMode } from "@dunlin/engines/store";
import type { ErrorCode, queue } from "@dunlin/proto";
import { acting, groupFields, groupProblem, membersWho, settingsFields } from "./acting.js";
import type { Draft } from "./draft.js";
import type { Rule } from "./rule.js";

const JOIN_MODES: readonly string[] = ["invite", "link", "approval"] satisfies JoinMode[];

/** Title, picture, announcement, who may send, how one joins. All members learn it; what changes nothing is told to nobody. */
const applyUpdateGroup = (draft: Draft, change: queue.UpdateGroup): ErrorCode => {
  const scene = acting(draft, change.groupId, change.actorId, "editProfile");
  if (typeof scene === "string") return scene;
  const group = { ...scene.group, title: change.title ?? scene.group.title, avatar: change.avatar ?? scene.group.avatar };
  const settings = {
    ...scene.settings,
    announcement: change.announcement ?? scene.settings.announcement,
    slowModeS: change.slowModeS ?? scene.settings.slowModeS,
    mutedUntil: change.mutedUntil ?? scene.settings.mutedUntil,
    join: (change.join as JoinMode | undefined) ?? scene.settings.join,
  };
  const profileChanged = group.title !== scene.group.title || group.avatar !== scene.group.avatar;
  const settingsChanged = JSON.stringify(settings) !== JSON.stringify(scene.settings);
  if (profileChanged) draft.putConversation(group);
  if (settingsChanged) draft.groups.putSettings(settings);
  if (profileChanged || settingsChanged) {
    draft.tell(scene.members.keys(), "GROUP", group.id, {
      ...groupFields(group),
      ...settingsFields(settings),
      action: "changed",
      by: change.actorId,
    });
  }
  return "OK";
};

export const updateGroupRule: Rule<queue.UpdateGroup> = {
  conversation: (change) => change.groupId,
  problem: (change) => {
    const numbers = [change.slowModeS ?? 0, change.mutedUntil ?? 0];
    if (!numbers.every((n) => Number.isSafeInteger(n) && n >= 0)) return "wrong time";
    if (change.join !== undefined && !JOIN_MODES.includes(change.join)) return "unknown way to join";
    return groupProblem(change.groupId, [change.actorId]);
  },
  apply: applyUpdateGroup,
};

/** Replaces the invite link. Those who may see it learn that there is another one; the link itself is in no log. */
const applySetInviteLink = (draft: Draft, change: queue.SetInviteLink): ErrorCode => {
  const scene = acting(draft, change.groupId, change.actorId, "manageLink");
  if (typeof scene === "string") return scene;
  const { group, settings, members } = scene;
  if (settings.link === change.link) return "OK";
  draft.groups.putSettings({
    ...settings,
    link: change.link,
    linkExpiresAt: change.expiresAt,
    linkMaxUses: change.maxUses,
    linkUses: 0,
  });
  draft.tell(membersWho("manageLink", members), "GROUP", group.id, {
    ...groupFields(group),
    ...settingsFields(settings),
    action: change.link === "" ? "link_revoked" : "link_replaced",
    by: change.actorId,
  });
  return "OK";
};

export const setInviteLinkRule: Rule<queue.SetInviteLink> = {
  conversation: (change) => change.groupId,
  problem: (change) => groupProblem(change.groupId, [change.actorId]),
  apply: applySetInviteLink,
};

/** The end of a group. Nobody is removed: the dialogs and what was said stay readable, and nobody sends any more. */
const applyDissolveGroup = (draft: Draft, dissolve: queue.DissolveGroup): ErrorCode => {
  const scene = acting(draft, dissolve.groupId, dissolve.actorId, "dissolve");
  // Done again it has its effect already; but only who may do it is told so.
  if (scene === "GROUP_DISSOLVED" && draft.conversation(dissolve.groupId)?.ownerId === dissolve.actorId) return "OK";
  if (typeof scene === "string") return scene;
  const { group, members } = scene;
  const settings = { ...scene.settings, dissolvedAt: draft.now, link: "", linkExpiresAt: 0, linkMaxUses: 0, linkUses: 0 };
  draft.groups.putSettings(settings);
  draft.tell(members.keys(), "GROUP", group.id, {
    ...groupFields(group),
    ...settingsFields(settings),
    action: "dissolved",
    by: dissolve.actorId,
  });
  return "OK";
};

export const dissolveGroupRule: Rule<queue.DissolveGroup> = {
  conversation: (dissolve) => dissolve.groupId,
  problem: (dissolve) => groupProblem(dissolve.groupId, [dissolve.actorId]),
  apply: applyDissolveGroup,
};
