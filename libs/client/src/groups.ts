import type { Http } from "./http.js";
import type { Page, PageQuery } from "./page.js";

export interface Group {
  id: string;
  kind: "group";
  title: string;
  avatar: string;
  owner_id: string;
  member_count: number;
  announcement: string;
  /** A member may send one message in so many seconds; 0: as many as wanted. */
  slow_mode_s: number;
  /** Only the owner and admins may send up to here, ms since 1970; 0: not muted. */
  muted_until: number;
  join: JoinMode;
  /** ms since 1970; 0: it lives. A dissolved group stays readable. */
  dissolved_at: number;
  created_at: number;
}

/** How one gets in besides being brought in by a member: not at all, by the link, or by the link and an approval. */
export type JoinMode = "invite" | "link" | "approval";

/** What is not there stays as it is. */
export type GroupChange = Partial<Pick<Group, "title" | "avatar" | "announcement" | "slow_mode_s" | "muted_until" | "join">>;

export interface Member {
  user_id: string;
  role: "owner" | "admin" | "member";
  joined_at: number;
  /** May not send up to here, ms since 1970; 0: not muted. */
  muted_until: number;
}

export interface MemberChange {
  role?: "admin" | "member";
  muted_until?: number;
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

  /** What a group says of itself; the owner and admins may. */
  update(id: string, change: GroupChange): Promise<Group> {
    return this.http.request("PATCH", groupPath(id), { body: change, repeatable: true });
  }

  /** A member's role (the owner may) or mute (admins too). */
  async updateMember(id: string, userId: string, change: MemberChange): Promise<void> {
    await this.http.request("PATCH", memberPath(id, userId), { body: change, repeatable: true });
  }

  /** Makes another member the owner. Not repeated after a network error: the second time one may do so no longer. */
  async transfer(id: string, userId: string): Promise<void> {
    await this.http.request("POST", `${groupPath(id)}/transfer`, { body: { user_id: userId }, repeatable: false });
  }

  async remove(id: string, userId: string): Promise<void> {
    await this.http.request("DELETE", memberPath(id, userId), { repeatable: true });
  }

  async leave(id: string): Promise<void> {
    await this.http.request("POST", `${groupPath(id)}/leave`, { repeatable: true });
  }
}

const groupPath = (id: string): string => `/v1/groups/${encodeURIComponent(id)}`;
const memberPath = (id: string, userId: string): string => `${groupPath(id)}/members/${encodeURIComponent(userId)}`;
