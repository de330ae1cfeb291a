import type { Http } from "./http.js";
import type { Page, PageQuery } from "./page.js";

export interface Group {
  id: string;
  kind: "group";
  title: string;
  avatar: string;
  owner_id: string;
  member_count: number;
  created_at: number;
}

export interface Member {
  user_id: string;
  role: "owner" | "admin" | "member";
  joined_at: number;
}

export class Groups {
  constructor(private readonly http: Http) {}

  /** Creates a group of the caller and `members` (user ids). Not repeated after a network error: it would be a second group. */
  create(title: string, members: readonly string[]): Promise<Group> {
    return this.http.request("POST", "/v1/groups", { body: { kind: "group", title, members }, repeatable: false });
  }

  get(id: string): Promise<Group> {
    return this.http.request("GET", groupPath(id), { repeatable: true });
  }

  members(id: string, query: PageQuery = {}): Promise<Page<Member>> {
    return this.http.request("GET", `${groupPath(id)}/members`, { query: { ...query }, repeatable: true });
  }

  async add(id: string, userIds: readonly string[]): Promise<void> {
    await this.http.request("POST", `${groupPath(id)}/members`, { body: { user_ids: userIds }, repeatable: true });
  }

  async remove(id: string, userId: string): Promise<void> {
    await this.http.request("DELETE", `${groupPath(id)}/members/${encodeURIComponent(userId)}`, { repeatable: true });
  }

  async leave(id: string): Promise<void> {
    await this.http.request("POST", `${groupPath(id)}/leave`, { repeatable: true });
  }
}

const groupPath = (id: string): string => `/v1/groups/${encodeURIComponent(id)}`;
