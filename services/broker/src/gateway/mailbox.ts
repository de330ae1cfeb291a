import type { sys } from "@dunlin/proto";

/** Reads under way at once; the others wait their turn, so that a wave of reconnects does not bury syssvc. */
const MAX_AT_ONCE = 64;
/** Updates a read: a hundred of the largest stay below gRPC's 4 MiB. */
export const READ_LIMIT = 100;

export type Difference = (userId: string, pts: number, limit: number) => Promise<sys.GetDifferenceResponse>;

/** Reads of users' mailboxes, so many at a time. At most one for each connection waits, so the line is bounded by them. */
export class Mailbox {
  #running = 0;
  readonly #line: (() => void)[] = [];

  constructor(private readonly ask: Difference) {}

  async read(userId: string, pts: number, limit: number): Promise<sys.GetDifferenceResponse> {
    if (this.#running >= MAX_AT_ONCE) await new Promise<void>((resolve) => this.#line.push(resolve));
    else this.#running += 1;
    try {
      return await this.ask(userId, pts, Math.min(limit, READ_LIMIT));
    } finally {
      // The place goes to the next in line, not back, so that nobody can slip in between.
      const next = this.#line.shift();
      if (next) next();
      else this.#running -= 1;
    }
  }
}
