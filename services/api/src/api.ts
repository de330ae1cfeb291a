import {
  Access,
  Accounts,
  Avatars,
  Blocks,
  Breaker,
  CommandOutcomes,
  Contacts,
  DialogChanges,
  Downloads,
  EmailCodes,
  GroupGovernance,
  GroupJoining,
  Groups,
  guardedStore,
  LiveGateways,
  MessageChanges,
  Passwords,
  PendingResults,
  Presences,
  Profiles,
  Relations,
  type RequestStore,
  ScheduledMessages,
  Search,
  Sending,
  SessionChecks,
  Supergroups,
  Typing,
  Uploads,
  VisibleMessages,
} from "@dunlin/domain";
import { Images } from "@dunlin/engines/images";
import type { Mailer } from "@dunlin/engines/mail";
import type { Metrics } from "@dunlin/runtime";
import type { ApiContext } from "./context.js";
import { Gateways } from "./gateways.js";
import { Limits } from "./limits/limits.js";

const STORE_TIMEOUT_MS = 1_500;
const SEARCH_TIMEOUT_MS = 3_000;
const DAY_MS = 86_400_000;

/** The parts that handlers work with, made from one context. */
export interface Api {
  readonly ctx: ApiContext;
  /** Guarded: when the store is away, calls fail within two seconds, then at once. */
  readonly store: RequestStore;
  readonly accounts: Accounts;
  readonly emailCodes: EmailCodes;
  readonly sessions: SessionChecks;
  readonly access: Access;
  readonly relations: Relations;
  readonly blocks: Blocks;
  readonly contacts: Contacts;
  readonly profiles: Profiles;
  readonly sending: Sending;
  readonly scheduled: ScheduledMessages;
  readonly outcomes: CommandOutcomes;
  readonly results: PendingResults;
  readonly groups: Groups;
  readonly governance: GroupGovernance;
  readonly visible: VisibleMessages;
  readonly changes: MessageChanges;
  readonly joining: GroupJoining;
  readonly images: Images;
  readonly uploads: Uploads;
  readonly downloads: Downloads;
  readonly supergroups: Supergroups;
  readonly dialogs: DialogChanges;
  readonly search: Search;
  readonly gateways: Gateways;
  readonly limits: Limits;
  /** Where users are connected. */
  readonly live: LiveGateways;
  readonly presences: Presences;
  readonly typing: Typing;
  readonly messagesAccepted: ReturnType<Metrics["counter"]>;
}

export const createApi = (ctx: ApiContext, mailer: Mailer): Api => {
  const { config, clock, cache, queue, tokens, logger, metrics, registry, snowflakes: ids } = ctx;
  const breaker = (name: string, timeoutMs: number): Breaker => new Breaker({ name, timeoutMs, failures: 5, openMs: 1_000, clock });
  const store = guardedStore(ctx.store, breaker("the store", STORE_TIMEOUT_MS), breaker("search", SEARCH_TIMEOUT_MS));
  const access = new Access(store, clock);
  const relations = new Relations(store, clock);
  const results = new PendingResults(cache, ctx.lease.slot);
  const outcomes = new CommandOutcomes({ queue, results, ids, clock });
  const emailCodes = new EmailCodes({ store, mailer, tokens, clock });
  const visible = new VisibleMessages(store, access);
  const live = new LiveGateways(registry, cache);
  const images = new Images({ workers: config.IM_FILES_IMAGE_WORKERS, pixelsMax: config.IM_FILES_IMAGE_MAX_MEGAPIXELS * 1_000_000 });
  const avatars = new Avatars({ store, access, relations, clock });
  const files = { store, blobs: ctx.blobs, images, clock, config };
  return {
    ctx,
    store,
    access,
    relations,
    blocks: new Blocks({ access, relations, outcomes }),
    contacts: new Contacts({ store, access, relations, outcomes, clock, pauseMs: config.IM_CONTACT_PAUSE_S * 1_000 }),
    profiles: new Profiles({ store, relations, outcomes, avatars }),
    results,
    outcomes,
    accounts: new Accounts({
      store,
      cache,
      tokens,
      passwords: new Passwords(),
      clock,
      logger,
      emailCodes,
      refreshTtlDays: config.IM_REFRESH_TTL_DAYS,
    }),
    emailCodes,
    sessions: new SessionChecks(store.sessions, clock),
    groups: new Groups({ access, relations, outcomes, clock, membersMax: config.IM_GROUP_MEMBERS_MAX }),
    sending: new Sending({ store, visible, cache, queue, access, relations, ids, clock }),
    governance: new GroupGovernance({ access, outcomes, avatars }),
    scheduled: new ScheduledMessages({ store, access, outcomes, clock }),
    visible,
    changes: new MessageChanges({
      store,
      visible,
      access,
      outcomes,
      clock,
      editWindowMs: config.IM_EDIT_WINDOW_S * 1_000,
      recallWindowMs: config.IM_RECALL_WINDOW_S * 1_000,
    }),
    joining: new GroupJoining({ store, access, outcomes, clock, requestTtlMs: config.IM_JOIN_REQUEST_DAYS * DAY_MS }),
    images,
    uploads: new Uploads(files),
    downloads: new Downloads(files, avatars),
    supergroups: new Supergroups({ store, access, relations, outcomes, clock, membersMax: config.IM_SUPERGROUP_MEMBERS_MAX }),
    dialogs: new DialogChanges({ store, access, outcomes }),
    search: new Search(store, access),
    gateways: new Gateways(registry),
    limits: new Limits({ cache, config, clock, metrics }),
    live,
    presences: new Presences({ gateways: live, cache, store, relations }),
    typing: new Typing({ access, relations, gateways: live, cache }),
    messagesAccepted: metrics.counter("dunlin_messages_accepted_total", "Messages accepted: durable in the queue."),
  };
};
