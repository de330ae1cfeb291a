import { LRUCache } from "lru-cache";
import { distinctKeys } from "./keys.js";
import { numberOf, textOf } from "./rows.js";
import { type SessionSource, withSession } from "./session.js";

/** Supergroups whose beginning is remembered; it never changes. */
const REMEMBERED = 10_000;

/** The group that a supergroup was upgraded from: its messages up to `seq` lie there, under the same seq. */
export interface Origin {
  readonly conversationId: string;
  readonly seq: number;
}

/** Which supergroups were groups once. Only ids that begin with "C" are supergroups. */
export class Origins {
  readonly #known = new LRUCache<string, Origin | false>({ max: REMEMBERED });

  constructor(private readonly reads: SessionSource) {}

  /** The origins of those of these conversations that have one. */
  async of(ids: readonly string[]): Promise<Map<string, Origin>> {
    const supergroups = ids.filter((id) => id.startsWith("C"));
    const unknown = supergroups.filter((id) => !this.#known.has(id));
    if (unknown.length > 0) {
      const keys = distinctKeys(unknown.map((id) => [id]));
      const rows = await withSession(this.reads, (session) =>
        session.select({ table: "conversations", columns: ["id", "origin_id", "origin_seq"], key: ["id"] }, keys),
      );
      for (const row of rows) {
        const origin = row.origin_id !== null && { conversationId: textOf(row.origin_id), seq: numberOf(row.origin_seq) };
        this.#known.set(textOf(row.id), origin);
      }
    }
    const found = new Map<string, Origin>();
    for (const id of supergroups) {
      const origin = this.#known.get(id);
      if (origin) found.set(id, origin);
    }
    return found;
  }
}
