import { routes } from "@dunlin/api";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type GroupKind, groupKinds } from "../support/led-group.js";
import { Person } from "../support/person.js";
import type { System } from "../support/system.js";
import { peopleRows } from "./authorisation-people.js";
import { groupRows, type Request, type Role, type Row, roles, type Scene, usualRefusal } from "./authorisation-table.js";

type Member = Exclude<Role, "nobody">;

const rows = [...peopleRows, ...groupRows];
/** Those who must not learn by a refusal whether what they ask for is there. */
const outside: readonly Role[] = ["stranger", "kicked", "banned"];

/** The same request for something that is not there; undefined where what is asked for is no secret: a user, nothing by id. */
const ofNothing = (operation: string, request: Request): Request | undefined => {
  const [, , , parameter = ""] = operation.split(/[ /]/).filter((part) => part !== "");
  if (!/^\{(id|peer)\}/.test(parameter)) return undefined;
  const path = request.path.replace(/^(\/v1\/[\w-]+\/)([^/?]+)/, (whole, before: string, id: string) => {
    if (/^\d+$/.test(id)) return `${before}1000000000000000001`;
    return id.startsWith("U") ? whole : before + id.slice(0, 1) + [...id.slice(1)].reverse().join("");
  });
  return path === request.path ? undefined : { ...request, path };
};

/** Every operation × everybody who might try it. */
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

    const freshScene = async (kind: GroupKind, needsGroup: boolean): Promise<Scene> => {
      const { owner, admin, member, blocked, kicked, banned } = persons;
      const { groups, blocks } = owner.client;
      const cast = { kind, persons, target: (role: Role) => targets[role], outsider: (role: Role) => outsiders[role] };
      if (!needsGroup) {
        await blocks.add(blocked.id);
        return { group: "", ...cast };
      }
      // Of two who are blocked neither brings the other in.
      await blocks.remove(blocked.id);
      const others = [admin, member, blocked, kicked, banned, ...Object.values(targets)];
      const ids = others.map((person) => person.id);
      const { id: group } = await (kind === "group" ? groups.create("rights", ids) : groups.createSupergroup("rights", ids));
      await Promise.all([
        groups.updateMember(group, admin.id, { role: "admin" }),
        groups.remove(group, kicked.id),
        groups.ban(group, banned.id),
        blocks.add(blocked.id),
      ]);
      return { group, ...cast };
    };

    const ask = async (
      row: Row,
      scene: Scene,
      role: Role,
      { method, path, body }: Request,
    ): Promise<{ status: number; code: number; text: string }> => {
      const caller = role === "nobody" ? undefined : ((await row.caller?.(scene, role)) ?? persons[role]);
      const headers: Record<string, string> = caller ? { authorization: `Bearer ${caller.client.accessToken}` } : {};
      const raw = body instanceof Blob ? body : undefined;
      if (body !== undefined) headers["content-type"] = raw?.type ?? "application/json";
      const response = await fetch(new URL(path, caller?.apiUrl ?? system().apiUrls[0]), {
        method,
        headers,
        ...(body === undefined ? {} : { body: raw ?? JSON.stringify(body) }),
      });
      const text = await response.text();
      const code = response.headers.get("content-type")?.startsWith("application/json") ? (JSON.parse(text) as { code: number }).code : 0;
      return { status: response.status, code, text };
    };

    const nameOf = ({ operation, as }: Row): string => (as === undefined ? operation : `${operation} (${as})`);

    const rowsOf = (kind: GroupKind): Row[] =>
      rows.flatMap(({ inSupergroup, ...row }) => {
        if (kind === "group") return row.supergroupOnly ? [] : [row];
        return inSupergroup === false || row.needsGroup === false ? [] : [{ ...row, ...inSupergroup }];
      });
    const cases = groupKinds.flatMap((kind) => rowsOf(kind).map((row) => [`${kind}: ${nameOf(row)}`, kind, row] as const));

    test.each(cases)("%s", async (_name, kind, row) => {
      const scene = await freshScene(kind, row.needsGroup ?? true);
      await row.prepare?.(scene);
      // Who is refused goes first, so that what the others change cannot be the reason.
      const order = [...roles].sort((a, b) => Number(row.allowed.includes(a)) - Number(row.allowed.includes(b)));
      for (const role of order) {
        const request = row.request(scene, role);
        const answer = await ask(row, scene, role, request);
        const wanted = row.allowed.includes(role) ? 0 : (row.refusals?.[role] ?? usualRefusal[role]);
        expect([role, answer.code]).toEqual([role, typeof wanted === "number" ? wanted : expect.toBeOneOf([...wanted])]);
        const nothing = answer.code !== 0 && !row.known && outside.includes(role) ? ofNothing(row.operation, request) : undefined;
        if (nothing) expect(await ask(row, scene, role, nothing), `${role}, of what is not there`).toEqual(answer);
      }
    });

    test("no operation of OpenAPI is without a row, and no row without an operation", () => {
      const served = routes.map((route) => `${route.method.toUpperCase()} ${route.path}`);
      const shown = new Set(rows.map((row) => row.operation.split("?")[0]));
      expect(served.filter((operation) => !shown.has(operation))).toEqual([]);
      expect([...shown].filter((operation) => !served.includes(operation ?? ""))).toEqual([]);
    });
  });
};
