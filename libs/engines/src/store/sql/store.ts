import type { Search, Store } from "../port/index.js";
import { createAnnotations } from "./annotations.js";
import { createContacts } from "./contacts.js";
import type { SqlContext } from "./context.js";
import { createConversations } from "./conversations.js";
import type { SqlDialect } from "./dialect.js";
import { createDialogs } from "./dialogs.js";
import { createDnd } from "./dnd.js";
import { createKysely, type KyselyParts } from "./driver.js";
import { createEmailCodes } from "./email-codes.js";
import { unavailable } from "./errors.js";
import { createFiles } from "./files.js";
import { createGroups } from "./groups.js";
import { createIngest } from "./ingest.js";
import { createJobs } from "./jobs.js";
import { createMessages } from "./messages.js";
import { checkSchema, migrate } from "./migrations/index.js";
import { createPresence } from "./presence.js";
import { createPrivacy } from "./privacy.js";
import { createScheduled } from "./scheduled.js";
import type { SessionSource } from "./session.js";
import { createSessions } from "./sessions.js";
import { createSupergroups } from "./supergroups.js";
import { createUpdates } from "./updates.js";
import { createUsers } from "./users.js";

/** What an engine brings; everything else is shared. */
export interface SqlEngine {
  readonly dialect: SqlDialect;
  readonly kysely: KyselyParts;
  readonly reads: SessionSource;
  readonly writes: SessionSource;
  /** Like `writes`, for statements that may take long. */
  readonly migrations: SessionSource;
  /** The engine's full text. */
  readonly search: (context: SqlContext) => Search;
  close(): Promise<void>;
}

const PING_TIMEOUT_MS = 1000;

const within = async <T>(ms: number, work: Promise<T>): Promise<T> => {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(unavailable(`the store did not answer within ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
};

export const createSqlStore = (engine: SqlEngine): Store => {
  const { dialect, kysely, reads, writes, migrations } = engine;
  const readDb = createKysely(reads, kysely);
  const writeDb = createKysely(writes, kysely);
  const context = { dialect, reads, writes, readDb, writeDb };
  const messages = createMessages(context);
  let closing: Promise<void> | undefined;
  return {
    engine: dialect.name,
    users: createUsers(context),
    emailCodes: createEmailCodes(context),
    sessions: createSessions(context),
    conversations: createConversations(context),
    messages,
    annotations: createAnnotations(context),
    updates: createUpdates(context),
    dialogs: createDialogs(context),
    groups: createGroups(context),
    contacts: createContacts(context),
    privacy: createPrivacy(context),
    presence: createPresence(context),
    files: createFiles(context),
    supergroups: createSupergroups(context, messages.at),
    dnd: createDnd(context),
    scheduled: createScheduled(context),
    search: engine.search(context),
    ingest: createIngest(context),
    jobs: createJobs(context),
    migrate: () => migrate(createKysely(migrations, kysely) as never, dialect),
    ping: () => within(PING_TIMEOUT_MS, checkSchema(readDb as never)),
    close() {
      closing ??= engine.close();
      return closing;
    },
  };
};
