import { isDeepStrictEqual } from "node:util";
import { errors } from "@dunlin/proto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type HeardAnswer, listen } from "../support/answers.js";
import { operationOf } from "../support/operations.js";
import type { System } from "../support/system.js";

/** What of the document this looks at. */
interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
}
interface Operation {
  readonly operationId: string;
  readonly responses: Readonly<Record<string, { readonly description: string }>>;
}
/** An operation, and whether its path names nothing besides it. */
type Listed = Operation & { readonly ofOneself: boolean };

/** Codes that every operation can answer: they show nothing about this one. */
const everywhere = new Set([
  "BAD_REQUEST",
  "HEADERS_TOO_LARGE",
  "INTERNAL",
  "RATE_LIMITED",
  "UNAVAILABLE",
  "TIMEOUT",
  "TOKEN_INVALID",
  "TOKEN_EXPIRED",
  "TOO_LARGE",
  "UNSUPPORTED_MEDIA",
]);
const ownCodes = new Set(
  Object.entries(errors)
    .filter(([name]) => !everywhere.has(name))
    .map(([, { code }]) => code),
);

/** The codes an operation declares, each with its HTTP status. */
const declaredBy = ({ responses }: Operation): Map<number, number> =>
  new Map(
    Object.entries(responses).flatMap(([status, { description }]) =>
      [...description.matchAll(/`(\d+)` [A-Z_]+:/g)].map((match) => [Number(match[1]), Number(status)] as const),
    ),
  );

/** Which answers have been heard of each operation. */
class Walk {
  readonly problems = new Set<string>();
  readonly #done = new Set<string>();
  readonly #codes = new Map<string, Set<number>>();

  hear({ method, path, status, json }: HeardAnswer): void {
    const route = operationOf(method, path);
    if (!route) return;
    const { code, data } = (json ?? {}) as { code?: number; data?: unknown };
    if (status >= 400) {
      this.#codes.set(route.id, (this.#codes.get(route.id) ?? new Set()).add(code ?? status));
      return;
    }
    this.#done.add(route.id);
    if (!route.statuses.includes(status)) this.problems.add(`${route.id} answered ${status}`);
    if (route.contentType !== undefined) return;
    const checked = route.response.safeParse(data);
    if (!checked.success) this.problems.add(`${route.id} answered another shape: ${checked.error.message}`);
    // What a schema does not name it leaves out.
    else if (!isDeepStrictEqual(checked.data, data)) this.problems.add(`${route.id} answered fields that its schema does not name`);
  }

  succeeded(id: string): boolean {
    return this.#done.has(id);
  }

  codes(id: string): ReadonlySet<number> {
    return this.#codes.get(id) ?? new Set();
  }
}

/**
 * Listens to all scenarios that come between its two calls, then goes through OpenAPI: each operation has been done and
 * refused, and answered nothing that it does not declare.
 */
export const openApiWalk = (system: () => System): { begin: () => void; end: () => void } => {
  const walk = new Walk();
  let stop = (): void => undefined;
  let operations: Listed[] = [];
  return {
    begin: () => {
      beforeAll(() => {
        stop = listen((answer) => walk.hear(answer));
      });
      afterAll(() => stop());
    },
    end: () => {
      describe("a walk through OpenAPI", () => {
        beforeAll(async () => {
          const document = (await (await fetch(new URL("/openapi.json", system().apiUrls[0]))).json()) as Document;
          operations = Object.entries(document.paths).flatMap(([path, methods]) =>
            Object.values(methods).map((operation) => ({ ...operation, ofOneself: !path.includes("{") })),
          );
        });
        const without = (fits: (operation: Listed) => boolean): string[] => operations.filter((o) => !fits(o)).map((o) => o.operationId);

        test("every operation was done", () => {
          expect(operations.length).toBeGreaterThan(70);
          expect(without(({ operationId }) => walk.succeeded(operationId))).toEqual([]);
        });

        test("every operation was refused: for a reason of its own where it has any", () => {
          const refused = (operation: Listed): boolean => {
            const seen = [...walk.codes(operation.operationId)];
            const own = [...declaredBy(operation)].filter(([code, status]) => ownCodes.has(code) && status < 500).map(([code]) => code);
            // Of oneself NOT_FOUND means that one is gone oneself: nobody can be in a test, the token has gone too.
            const others = own.filter((code) => code !== errors.NOT_FOUND.code || !operation.ofOneself);
            return own.some((code) => seen.includes(code)) || (others.length === 0 && seen.includes(errors.BAD_REQUEST.code));
          };
          expect(without(refused)).toEqual([]);
        });

        test("no operation answered what it does not declare", () => {
          const undeclared = operations.flatMap((operation) => {
            const declared = declaredBy(operation);
            return [...walk.codes(operation.operationId)]
              .filter((code) => !declared.has(code))
              .map((code) => `${operation.operationId}: ${code}`);
          });
          expect([...undeclared, ...walk.problems]).toEqual([]);
        });
      });
    },
  };
};
