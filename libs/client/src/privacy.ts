import type { Http } from "./http.js";

/** What one lets others do and see. */
export interface PrivacySettings {
  /** Whose messages one takes. */
  messages: "everyone" | "contacts";
  /** Who may bring one into a group. */
  groups: "everyone" | "contacts";
  /** Who sees whether one is active and when last. */
  last_seen: "everyone" | "contacts" | "nobody";
  /** Whether others find one by account name and see it; contacts always do. */
  find_by_account: boolean;
}

/** One's other devices learn changes by a PRIVACY update. */
export class Privacy {
  constructor(private readonly http: Http) {}

  get(): Promise<PrivacySettings> {
    return this.http.request("GET", "/v1/privacy", { repeatable: true });
  }

  /** Replaces all of it. */
  set(settings: PrivacySettings): Promise<PrivacySettings> {
    return this.http.request("PUT", "/v1/privacy", { body: settings, repeatable: true });
  }
}
