import type { Http } from "./http.js";

/** One device's login. */
export interface Session {
  id: string;
  device_id: string;
  platform: string;
  created_at: number;
  last_used_at: number;
  /** Whether this is the session that asks. */
  current: boolean;
}

export class Sessions {
  constructor(private readonly http: Http) {}

  async list(): Promise<Session[]> {
    const { items } = await this.http.request<{ items: Session[] }>("GET", "/v1/sessions", { repeatable: true });
    return items;
  }

  /** Ends a session: its tokens are no longer good and its connection is closed with 4403. */
  async end(id: string): Promise<void> {
    await this.http.request("DELETE", `/v1/sessions/${encodeURIComponent(id)}`, { repeatable: true });
  }
}
