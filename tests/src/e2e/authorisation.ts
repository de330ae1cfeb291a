import { routes } from "@dunlin/api";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Person } from "../support/person.js";
import type { System } from "../support/system.js";
import { groupRows, type Request, type Role, type Row, roles, type Scene, usualRefusal } from "./authorisation-table.js";

type Member = Exclude<Role, "nobody">;

/** Every operation on a group × everybody who might try it. */
export const authorisationScenarios = (system: () => System): void => {
  describe("authorisation", () => {
    let persons: Record<Member, Person>;
    let targets: Record<Role, Person>;
    let outsiders: Record<Role, Person>;
    const everybody: Person[] = [];

    /** Somebody for each of `names`. */
    const cast = async <N extends string>(names: readonly N[], prefix: string): Promise<Record<N, Person>> => {
      const made = await Promise.all(names.map(async (name) => [name, await Person.register(system(), `${prefix}${name}`)] as const));
      everybody.push(...made.map(([, person]) => person));
      return Object.fromEntries(made) as Record<N, Person>;
    };
    beforeAll(async () => {
      persons = await cast(
        roles.filter((role) => role !== "nobody"),
        "",
      );
      targets = await cast(roles, "target-");
      outsiders = await cast(roles, "outsider-");
    });
    afterAll(() => Promise.all(everybody.map((person) => person.disconnect())));

    const freshScene = async (): Promise<Scene> => {
      const { owner, admin, member, blocked, kicked, banned } = persons;
      const { groups, blocks } = owner.client;
      // Of two who are blocked neither brings the other in.
      await blocks.remove(blocked.id);
      const others = [admin, member, blocked, kicked, banned, ...Object.values(targets)];
      const { id: group } = await groups.create(
        "rights",
        others.map((person) => person.id),
      );
      await Promise.all([
        groups.updateMember(group, admin.id, { role: "admin" }),
        groups.remove(group, kicked.id),
        groups.ban(group, banned.id),
        blocks.add(blocked.id),
      ]);
      return { group, persons, target: (role) => targets[role], outsider: (role) => outsiders[role] };
    };

    const ask = (role: Role, { method, path, body }: Request): Promise<Response> =>
      role === "nobody" ? fetch(new URL(path, system().apiUrls[0]), { method }) : persons[role].call(method, path, body);

    const nameOf = ({ operation, as }: Row): string => (as === undefined ? operation : `${operation} (${as})`);

    test.each(groupRows.map((row) => [nameOf(row), row] as const))("%s", async (_name, row) => {
      const scene = await freshScene();
      await row.prepare?.(scene);
      // Who is refused goes first, so that what the others change cannot be the reason.
      const order = [...roles].sort((a, b) => Number(row.allowed.includes(a)) - Number(row.allowed.includes(b)));
      for (const role of order) {
        const response = await ask(role, row.request(scene, role));
        const { code } = (await response.json()) as { code: number };
        const wanted = row.allowed.includes(role) ? 0 : (row.refusals?.[role] ?? usualRefusal[role]);
        expect([role, code]).toEqual([role, wanted]);
      }
    });

    test("no operation on groups is without a row", () => {
      const served = routes.filter((route) => route.path.startsWith("/v1/groups/")).map((r) => `${r.method.toUpperCase()} ${r.path}`);
      const shown = new Set(groupRows.map((row) => row.operation));
      expect(served.filter((operation) => !shown.has(operation))).toEqual([]);
    });
  });
};
