import { expect } from "vitest";
import type { People, Person } from "./person.js";

export const groupKinds = ["group", "supergroup"] as const;
export type GroupKind = (typeof groupKinds)[number];

/** A group or supergroup of ann's with bob as its admin; cem is its member, or waits outside. All are online. */
export interface LedGroup {
  readonly ann: Person;
  readonly bob: Person;
  readonly cem: Person;
  readonly group: string;
}

export const ledGroup = async (people: People, kind: GroupKind, cemIs: "member" | "outside"): Promise<LedGroup> => {
  const [ann, bob, cem] = await Promise.all([people.online("ann"), people.online("bob"), people.online("cem")]);
  const { groups } = ann.client;
  const others = cemIs === "member" ? [bob.id, cem.id] : [bob.id];
  const { id: group } = await (kind === "group" ? groups.create("tea", others) : groups.createSupergroup("tea", others));
  await ann.client.groups.updateMember(group, bob.id, { role: "admin" });
  return { ann, bob, cem, group };
};

/** An error with this code. */
export const refused = (code: number) => expect.objectContaining({ code });
