import { bucketOf, type PresenceStatus } from "@dunlin/domain";
import type { Connection } from "./connection.js";

/** A user whom connections of this gateway want to follow. */
export interface Watched {
  readonly userId: string;
  readonly bucket: number;
  /** Who wants to know, and whether they may. */
  readonly watchers: Map<Connection, boolean>;
  /** As told last; undefined: nobody was told yet. */
  status: PresenceStatus | undefined;
  lastSeen: number | undefined;
  /** Where the user is connected. */
  slots: readonly number[];
  /** Not looked up again before then, monotonic ms. */
  restUntil: number;
  /** Since when nobody finds a device of a user who was told to be there, monotonic ms. */
  missingSince: number | undefined;
}

/** Who follows whom here. Each user stands here once, however many follow them. */
export class WatchList {
  readonly #users = new Map<string, Watched>();
  readonly #lists = new Map<Connection, Set<Watched>>();
  #pairs = 0;

  constructor(
    private readonly pairsMax: number,
    private readonly onFirst: (userId: string) => void,
    private readonly onLast: (userId: string) => void,
  ) {}

  get pairs(): number {
    return this.#pairs;
  }

  get users(): ReadonlyMap<string, Watched> {
    return this.#users;
  }

  of(connection: Connection): ReadonlySet<Watched> {
    return this.#lists.get(connection) ?? new Set();
  }

  /** Makes these the users that the connection follows. @returns those that are new to it, and how many found no room */
  replace(connection: Connection, userIds: readonly string[]): { added: Watched[]; refused: number } {
    const wanted = new Set(userIds);
    const list = this.#lists.get(connection) ?? new Set<Watched>();
    for (const watched of list) {
      if (wanted.delete(watched.userId)) continue;
      list.delete(watched);
      this.#leave(connection, watched);
    }
    const added: Watched[] = [];
    for (const userId of wanted) {
      if (this.#pairs >= this.pairsMax) break;
      const watched = this.#user(userId);
      watched.watchers.set(connection, false);
      list.add(watched);
      added.push(watched);
      this.#pairs += 1;
    }
    if (list.size > 0) this.#lists.set(connection, list);
    else this.#lists.delete(connection);
    return { added, refused: wanted.size - added.length };
  }

  remove(connection: Connection): void {
    const list = this.#lists.get(connection);
    if (list === undefined) return;
    this.#lists.delete(connection);
    for (const watched of list) this.#leave(connection, watched);
  }

  #user(userId: string): Watched {
    let watched = this.#users.get(userId);
    if (watched === undefined) {
      watched = {
        userId,
        bucket: bucketOf(userId),
        watchers: new Map(),
        status: undefined,
        lastSeen: undefined,
        slots: [],
        restUntil: 0,
        missingSince: undefined,
      };
      this.#users.set(userId, watched);
      this.onFirst(userId);
    }
    return watched;
  }

  #leave(connection: Connection, watched: Watched): void {
    watched.watchers.delete(connection);
    this.#pairs -= 1;
    if (watched.watchers.size > 0) return;
    this.#users.delete(watched.userId);
    this.onLast(watched.userId);
  }
}
