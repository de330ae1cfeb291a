import { backoffMs, type Clock, type Logger } from "@dunlin/runtime";
import type { Connection } from "./connection.js";
import type { Watched } from "./watched.js";

/** Pairs in one question. */
const ASKED_MAX = 500;
const RETRY_BASE_MS = 500;
const RETRY_CAP_MS = 10_000;

export interface VisibilityDeps {
  readonly ask: (pairs: readonly { viewerId: string; userId: string }[]) => Promise<readonly boolean[]>;
  readonly clock: Pick<Clock, "monotonic">;
  readonly logger: Logger;
  /** Whether the connection's user may see the other; told once for each question, also when nothing has changed. */
  readonly onAnswer: (answers: readonly { connection: Connection; watched: Watched; visible: boolean }[]) => void;
}

/** Asks who may see whom, one question at a time, again while nobody answers. At most one open question a pair. */
export class Visibility {
  readonly #open = new Map<Connection, Set<Watched>>();
  #asking = false;
  #failures = 0;
  #restUntil = 0;

  constructor(private readonly deps: VisibilityDeps) {}

  want(connection: Connection, users: Iterable<Watched>): void {
    const open = this.#open.get(connection) ?? new Set<Watched>();
    for (const watched of users) open.add(watched);
    if (open.size > 0) this.#open.set(connection, open);
    this.pump();
  }

  /** Goes on with what is open. */
  pump(): void {
    if (this.#asking || this.#open.size === 0 || this.deps.clock.monotonic() < this.#restUntil) return;
    this.#asking = true;
    this.#ask()
      .then(
        () => {
          this.#failures = 0;
        },
        (error: unknown) => {
          this.#restUntil = this.deps.clock.monotonic() + backoffMs(this.#failures++, RETRY_BASE_MS, RETRY_CAP_MS);
          this.deps.logger.warn({ err: error }, "who may see whom cannot be asked; trying again");
        },
      )
      .finally(() => {
        this.#asking = false;
        this.pump();
      });
  }

  async #ask(): Promise<void> {
    const pairs: { connection: Connection; watched: Watched }[] = [];
    for (const [connection, open] of this.#open) {
      for (const watched of open) {
        if (pairs.length >= ASKED_MAX) break;
        open.delete(watched);
        if (watched.watchers.has(connection)) pairs.push({ connection, watched });
      }
      if (open.size > 0) break;
      this.#open.delete(connection);
    }
    if (pairs.length === 0) return;
    try {
      const visible = await this.deps.ask(
        pairs.map(({ connection, watched }) => ({ viewerId: connection.userId, userId: watched.userId })),
      );
      this.deps.onAnswer(pairs.map((pair, i) => ({ ...pair, visible: visible[i] === true })));
    } catch (error) {
      for (const { connection, watched } of pairs) {
        const open = this.#open.get(connection);
        if (open) open.add(watched);
        else this.#open.set(connection, new Set([watched]));
      }
      throw error;
    }
  }
}
