import type { Http } from "./http.js";

export interface User {
  id: string;
  /** "" when the user is not to be found by it. */
  account: string;
  nickname: string;
  avatar: string;
  /** A few words about oneself. */
  bio: string;
  created_at: number;
}

/** Looking people up. */
export class Users {
  constructor(private readonly http: Http) {}

  me(): Promise<User> {
    return this.http.request("GET", "/v1/users/me", { repeatable: true });
  }

  /** One's devices and contacts learn it by a PROFILE update. */
  updateMe(profile: { nickname?: string; avatar?: string; bio?: string }): Promise<User> {
    return this.http.request("PATCH", "/v1/users/me", { body: profile, repeatable: true });
  }

  /** @throws DunlinError with status 404 when there is no such user. */
  get(id: string): Promise<User> {
    return this.http.request("GET", `/v1/users/${encodeURIComponent(id)}`, { repeatable: true });
  }

  /** By account name. @throws DunlinError with status 404 when nobody has it, or who has it is not to be found. */
  byAccount(account: string): Promise<User> {
    return this.http.request("GET", "/v1/users", { query: { account }, repeatable: true });
  }
}
