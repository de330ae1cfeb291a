/** A supergroup's id behind `peer` in a frame's text; in people's words the quotation marks would be escaped. */
const SUPERGROUP_PEER = '"peer":"C';
const ENDS: readonly unknown[] = ["left", "removed", "banned"];

/** Whether a frame of type MEMBER is about a supergroup. */
export const aboutSupergroup = (text: string): boolean => text.includes(SUPERGROUP_PEER);

/** The supergroup in which the memberships of these users end with a frame of type MEMBER. */
export interface EndedMembership {
  readonly id: string;
  readonly userIds: readonly string[];
}

/** @param rest a frame behind its pts, see frames.ts */
export const endedMembership = (rest: string): EndedMembership | undefined => {
  const { peer, action, user_ids: userIds } = JSON.parse(`{${rest}`) as Record<string, unknown>;
  if (typeof peer !== "string" || !Array.isArray(userIds) || !ENDS.includes(action)) return undefined;
  return { id: peer, userIds: userIds as string[] };
};
