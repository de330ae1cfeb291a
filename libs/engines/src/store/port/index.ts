import type { Annotations } from "./annotations.js";
import type { Contacts } from "./contacts.js";
import type { Conversations } from "./conversations.js";
import type { Dialogs } from "./dialogs.js";
import type { Dnd } from "./dnd.js";
import type { EmailCodes } from "./email-codes.js";
import type { Files } from "./files.js";
import type { Groups } from "./groups.js";
import type { Ingest } from "./ingest.js";
import type { Jobs } from "./jobs.js";
import type { Messages } from "./messages.js";
import type { PresenceStore } from "./presence.js";
import type { Privacy } from "./privacy.js";
import type { Scheduled } from "./scheduled.js";
import type { Search } from "./search.js";
import type { Sessions } from "./sessions.js";
import type { Supergroups } from "./supergroups.js";
import type { Updates } from "./updates.js";
import type { Users } from "./users.js";

export * from "./annotations.js";
export * from "./contacts.js";
export * from "./conversations.js";
export * from "./dialogs.js";
export * from "./dnd.js";
export * from "./email-codes.js";
export * from "./files.js";
export * from "./groups.js";
export * from "./ingest.js";
export * from "./jobs.js";
export * from "./messages.js";
export * from "./presence.js";
export * from "./privacy.js";
export * from "./scheduled.js";
export * from "./search.js";
export * from "./sessions.js";
export * from "./supergroups.js";
export * from "./updates.js";
export * from "./users.js";

/**
 * The store: the truth about users, conversations, messages, mailboxes and offsets.
 *
 * Guarantees every engine gives:
 * - A write that resolved survives kill -9 of every process (SQLite synchronous=FULL, InnoDB flush at commit).
 * - `ingest.transaction` is atomic and READ COMMITTED with row locks; it is retried whole on deadlock and lock timeout.
 * - Ids compare bytewise; text keeps every Unicode character (utf8mb4).
 * - It rejects with AppError UNAVAILABLE when the engine cannot be reached or is too slow (retryable), CONFLICT on a
 *   unique key, INTERNAL on anything else.
 * - Times are integer ms since 1970. Message ids are decimal strings (63 bit). seq and pts are numbers below 2^53.
 */
export interface Store {
  readonly engine: "sqlite" | "mysql";
  readonly users: Users;
  readonly emailCodes: EmailCodes;
  readonly sessions: Sessions;
  readonly conversations: Conversations;
  readonly messages: Messages;
  readonly annotations: Annotations;
  readonly updates: Updates;
  readonly dialogs: Dialogs;
  readonly groups: Groups;
  readonly contacts: Contacts;
  readonly privacy: Privacy;
  readonly presence: PresenceStore;
  readonly files: Files;
  readonly supergroups: Supergroups;
  readonly dnd: Dnd;
  readonly scheduled: Scheduled;
  readonly search: Search;
  readonly ingest: Ingest;
  readonly jobs: Jobs;
  /** Brings the schema to the newest version. Safe to call from several processes at once. */
  migrate(): Promise<void>;
  /** Rejects when the engine cannot be reached within a second, or the schema is not the one this code needs. */
  ping(): Promise<void>;
  close(): Promise<void>;
}
