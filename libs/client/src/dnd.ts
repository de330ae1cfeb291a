import type { Http } from "./http.js";

/** A part of the day, by local time: begins on each of the days, ends on the next day when `to` is not after `from`. */
export interface DndSchedule {
  /** "HH:MM" */
  from: string;
  to: string;
  /** IANA name, e.g. Europe/Berlin. */
  timezone: string;
  /** 1 Monday to 7 Sunday. */
  days: number[];
}

export interface DndSettings {
  /** ms since 1970; 0: not snoozed. */
  snooze_until: number;
  schedule: DndSchedule | null;
  /** Messages that mention one are pushed all the same, also in muted dialogs. */
  allow_mentions: boolean;
}

/** When one is not to be disturbed by pushes. One's devices learn changes by a DND update. */
export class Dnd {
  constructor(private readonly http: Http) {}

  get(): Promise<DndSettings> {
    return this.http.request("GET", "/v1/dnd", { repeatable: true });
  }

  /** Replaces what was set: what is not given is off. */
  async set(settings: Partial<DndSettings>): Promise<void> {
    await this.http.request("PUT", "/v1/dnd", { body: settings, repeatable: true });
  }
}
