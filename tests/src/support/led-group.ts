import { expect } from "vitest";
import type { People, Person } from "./person.js";

/** A group of ann's with bob as its admin; cem is its member, or waits outside. All are online. */
export interface LedGroup {
  readonly ann: Person;
  readonly bob: Person;
  readonly cem: Person;
  readonly group: string;
}

export const ledGroup = async (people: People, cemIs: "member" | "outside"): Promise<LedGroup> => {
  const [ann, bob, cem] = await Promise.all([people.online("ann"), people.online("bob"), people.online("cem")]);
  const { id: group } = await ann.client.groups.create("tea", cemIs === "member" ? [bob.id, cem.id] : [bob.id]);
  await ann.client.groups.updateMember(group, bob.id, { role: "admin" });
  return { ann, bob, cem, group };
};

/** An error with this code. */
export const refused = (code: number) => expect.objectContaining({ code });
