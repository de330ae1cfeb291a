import type { JoinMode } from "@dunlin/engines/store";
import type { ErrorCode, queue } from "@dunlin/proto";
import { isSupergroupId } from "../ids.js";
import { acting, anyGroupProblem, groupFields, membersWho, needActing, settingsFields, tellMembers } from "./acting.js";
import type { Draft } from "./draft.js";
import { ended } from "./membership.js";
import type { Rule } from "./rule.js";

const JOIN_MODES: readonly string[] = ["invite", "link", "approval"] satisfies JoinMode[];
/** Nobody comes into a group by its id alone. */
const SUPERGROUP_JOIN_MODES: readonly string[] = [...JOIN_MODES, "open" satisfies JoinMode];

/** Title, picture, announcement, who may send, how one joins. All members learn it; what changes nothing is told to nobody. */
const applyUpdateGroup = (draft: Draft, change: queue.UpdateGroup): ErrorCode => {
  const scene = acting(draft, change.groupId, change.actorId, "editProfile");
  if (typeof scene === "string") return scene;
  const { group } = scene;
  const title = change.title ?? group.title;
  const avatar = change.avatar ?? group.avatar;
  const settings = {
    ...scene.settings,
    announcement: change.announcement ?? scene.settings.announcement,
    slowModeS: change.slowModeS ?? scene.settings.slowModeS,
    mutedUntil: change.mutedUntil ?? scene.settings.mutedUntil,
    join: (change.join as JoinMode | undefined) ?? scene.settings.join,
  };
  const profileChanged = title !== group.title || avatar !== group.avatar;
  const settingsChanged = JSON.stringify(settings) !== JSON.stringify(scene.settings);
  if (profileChanged) draft.putConversation(Object.assign(group, { title, avatar }));
  if (settingsChanged) draft.groups.putSettings(settings);
  if (profileChanged || settingsChanged) {
    tellMembers(draft, group, "GROUP", {
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
    const modes = isSupergroupId(change.groupId) ? SUPERGROUP_JOIN_MODES : JOIN_MODES;
    if (change.join !== undefined && !modes.includes(change.join)) return "unknown way to join";
    return anyGroupProblem(change.groupId, [change.actorId]);
  },
  needs: ({ groupId, actorId }, needs) => needActing(needs, groupId, [actorId], "no leaders"),
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
  problem: (change) => anyGroupProblem(change.groupId, [change.actorId]),
  needs: ({ groupId, actorId }, needs) => needActing(needs, groupId, [actorId], "leaders"),
  apply: applySetInviteLink,
};

/** The end of a group. Nobody is removed: the dialogs and what was said stay readable, and nobody sends any more. */
const applyDissolveGroup = (draft: Draft, dissolve: queue.DissolveGroup): ErrorCode => {
  const scene = acting(draft, dissolve.groupId, dissolve.actorId, "dissolve");
  // Done again it has its effect already; but only who may do it is told so.
  if (scene === "GROUP_DISSOLVED" && draft.conversation(dissolve.groupId)?.ownerId === dissolve.actorId) return "OK";
  if (typeof scene === "string") return scene;
  const { group } = scene;
  const settings = { ...scene.settings, ...ended(draft.now) };
  draft.groups.putSettings(settings);
  tellMembers(draft, group, "GROUP", {
    ...groupFields(group),
    ...settingsFields(settings),
    action: "dissolved",
    by: dissolve.actorId,
  });
  return "OK";
};

export const dissolveGroupRule: Rule<queue.DissolveGroup> = {
  conversation: (dissolve) => dissolve.groupId,
  problem: (dissolve) => anyGroupProblem(dissolve.groupId, [dissolve.actorId]),
  needs: ({ groupId, actorId }, needs) => needActing(needs, groupId, [actorId], "no leaders"),
  apply: applyDissolveGroup,
};
