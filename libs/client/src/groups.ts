import type { Http } from "./http.js";
import type { Page, PageQuery } from "./page.js";

export interface Group {
  id: string;
  kind: "group" | "supergroup";
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

/**
 * How one gets in besides being brought in by a member: not at all, by the link, or by the link and an approval; into a
 * supergroup that is open by its id alone.
 */
export type JoinMode = "invite" | "link" | "approval" | "open";

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

/** Whom a group keeps out. */
export interface Ban {
  user_id: string;
  banned_by: string;
  banned_at: number;
}

export interface InviteLink {
  /** The code to join by. */
  link: string;
  /** ms since 1970; 0: never. */
  expires_at: number;
  /** 0: as often as wanted. */
  max_uses: number;
  uses: number;
}

export interface JoinRequest {
  user_id: string;
  message: string;
  requested_at: number;
  expires_at: number;
}

/** In, waiting for an approval, or soon one of both. */
export interface Joining {
  state: "joined" | "requested" | "accepted";
  group_id: string;
}

export class Groups {
  constructor(private readonly http: Http) {}

  /** Creates a group of the caller and `members` (user ids). Not repeated after a network error: it would be a second group. */
  create(title: string, members: readonly string[]): Promise<Group> {
    return this.http.request("POST", "/v1/groups", { body: { kind: "group", title, members }, repeatable: false });
  }

  /** The same for a supergroup; members may come later. */
  createSupergroup(title: string, members: readonly string[] = []): Promise<Group> {
    return this.http.request("POST", "/v1/groups", { body: { kind: "supergroup", title, members }, repeatable: false });
  }

  /** Joins a supergroup that is open; everything before counts as read. */
  async joinSupergroup(id: string): Promise<void> {
    await this.http.request("POST", `${groupPath(id)}/join`, { repeatable: true });
  }

  /** Lets a group go on as a supergroup. @returns its id */
  async upgrade(id: string): Promise<string> {
    return (await this.http.request<{ id: string }>("POST", `${groupPath(id)}/upgrade`, { repeatable: false })).id;
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

  /** Ends the group: it stays readable, and nobody sends any more. The owner may. */
  async dissolve(id: string): Promise<void> {
    await this.http.request("DELETE", groupPath(id), { repeatable: true });
  }

  bans(id: string, query: PageQuery = {}): Promise<Page<Ban>> {
    return this.http.request("GET", `${groupPath(id)}/bans`, { query: { ...query }, repeatable: true });
  }

  /** Keeps a user out, and removes who is in; the owner and admins may. */
  async ban(id: string, userId: string): Promise<void> {
    await this.http.request("PUT", banPath(id, userId), { repeatable: true });
  }

  async unban(id: string, userId: string): Promise<void> {
    await this.http.request("DELETE", banPath(id, userId), { repeatable: true });
  }

  inviteLink(id: string): Promise<InviteLink> {
    return this.http.request("GET", `${groupPath(id)}/invite-link`, { repeatable: true });
  }

  /** A new link in place of the one there is; it works unless the group's `join` is "invite". */
  newInviteLink(id: string, terms: { expires_at?: number; max_uses?: number } = {}): Promise<InviteLink> {
    return this.http.request("POST", `${groupPath(id)}/invite-link`, { body: terms, repeatable: true });
  }

  async revokeInviteLink(id: string): Promise<void> {
    await this.http.request("DELETE", `${groupPath(id)}/invite-link`, { repeatable: true });
  }

  /** Comes in by a link, or asks to where that needs approval. */
  join(link: string, message?: string): Promise<Joining> {
    const body = message === undefined ? { link } : { link, message };
    return this.http.request("POST", "/v1/groups/join", { body, repeatable: true });
  }

  joinRequests(id: string, query: PageQuery = {}): Promise<Page<JoinRequest>> {
    return this.http.request("GET", `${groupPath(id)}/join-requests`, { query: { ...query }, repeatable: true });
  }

  /** Not repeated after a network error: the second time there is no such request any more. */
  async answerJoinRequest(id: string, userId: string, accept: boolean): Promise<void> {
    const path = `${groupPath(id)}/join-requests/${encodeURIComponent(userId)}`;
    await this.http.request("POST", path, { body: { accept }, repeatable: false });
  }

  /** The owner hands the group over or dissolves it first, unless alone in it. */
  async leave(id: string): Promise<void> {
    await this.http.request("POST", `${groupPath(id)}/leave`, { repeatable: true });
  }
}

const groupPath = (id: string): string => `/v1/groups/${encodeURIComponent(id)}`;
const banPath = (id: string, userId: string): string => `${groupPath(id)}/bans/${encodeURIComponent(userId)}`;
const memberPath = (id: string, userId: string): string => `${groupPath(id)}/members/${encodeURIComponent(userId)}`;
