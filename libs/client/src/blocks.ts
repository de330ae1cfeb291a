import type { Http } from "./http.js";
import type { Page, PageQuery } from "./page.js";

/** Somebody one keeps away. */
export interface Block {
  user_id: string;
  nickname: string;
  avatar: string;
  /** ms since 1970 */
  since: number;
}

/** Keeping users away. One's other devices learn changes by a BLOCK update. */
export class Blocks {
  constructor(private readonly http: Http) {}

  /** Can be repeated. @throws DunlinError 803 when there is no such user. */
  async add(userId: string): Promise<void> {
    await this.http.request("PUT", blockPath(userId), { repeatable: true });
  }

  /** Can be repeated. */
  async remove(userId: string): Promise<void> {
    await this.http.request("DELETE", blockPath(userId), { repeatable: true });
  }

  list(query: PageQuery = {}): Promise<Page<Block>> {
    return this.http.request("GET", "/v1/blocks", { query: { ...query }, repeatable: true });
  }
}

const blockPath = (userId: string): string => `/v1/blocks/${encodeURIComponent(userId)}`;
