import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import {
  Access,
  Accounts,
  Avatars,
  Blocks,
  CommandOutcomes,
  Contacts,
  durableTopics,
  GroupGovernance,
  Groups,
  LiveGateways,
  Passwords,
  PendingResults,
  Presences,
  Profiles,
  Relations,
  Sending,
  Supergroups,
  VisibleMessages,
} from "@dunlin/domain";
import type { MemberInfo, Registration } from "@dunlin/engines/registry";
import { sys } from "@dunlin/proto";
import { AppError, type Service, sleep } from "@dunlin/runtime";
import { HealthImplementation, type ServingStatus } from "grpc-health-check";
import { connectionService } from "./connection-service.js";
import { contactService } from "./contact-service.js";
import type { SysContext } from "./context.js";
import { groupService } from "./group-service.js";
import { addReflection, createGrpcServer, hostPort, isLoopback, listen } from "./grpc-server.js";
import { messageService } from "./message-service.js";
import { Notifications } from "./notifications.js";
import { presenceService } from "./presence-service.js";
import { queueService } from "./queue-service.js";
import { supergroupService } from "./supergroup-service.js";
import { tokenService } from "./token-service.js";
import { UnaryServices } from "./unary.js";
import { userService } from "./user-service.js";

/** Calls under way may take this long to end while draining, ms. */
const DRAIN_MS = 10_000;
/** For what else holds connections open then (health watches), and for answers still being written, ms. */
const LINGER_MS = 500;
/** How often a health check that changes by itself (an engine went away) is looked at again, ms. */
const HEALTH_EVERY_MS = 2_000;

/** Names whose health can be asked: the whole ("") and each service. */
const HEALTH_NAMES = [
  "",
  ...[
    "TokenService",
    "UserService",
    "MessageService",
    "GroupService",
    "ContactService",
    "SupergroupService",
    "PresenceService",
    "ConnectionService",
    "QueueService",
  ].map((name) => `dunlin.sys.v1.${name}`),
];

export interface SysService extends Service {
  /** Where the interface listens; 0 before `start`. */
  readonly port: number;
}

/** What other services are told: as advertised, else the address listened on (a wildcard becomes this host's name). */
export const advertised = (setting: string | undefined, host: string, port: number): string => {
  if (setting !== undefined) return /:\d+$/.test(setting) ? setting : `${setting}:${port}`;
  return hostPort(host === "0.0.0.0" || host === "::" ? hostname() : host, port);
};

export const createSysService = (context: SysContext): SysService => {
  const { cache, clock, config, health, logger, queue, registry, store } = context;
  const gateways = new LiveGateways(registry, cache);
  const server = createGrpcServer(config.IM_GRPC_STREAMS_MAX);
  const unary = new UnaryServices({
    ...context,
    deadlineMaxMs: config.IM_GRPC_DEADLINE_MAX_MS,
    callsMax: config.IM_GRPC_CALLS_MAX,
  });
  const ids = context.snowflakes;
  const access = new Access(store, clock);
  const relations = new Relations(store, clock);
  const accounts = new Accounts({ ...context, passwords: new Passwords(), refreshTtlDays: config.IM_REFRESH_TTL_DAYS });
  const sending = new Sending({ store, cache, queue, visible: new VisibleMessages(store, access), access, relations, ids, clock });
  const results = new PendingResults(cache, context.slot);
  const outcomes = new CommandOutcomes({ queue, results, ids, clock });
  const groups = new Groups({ access, relations, outcomes, clock, membersMax: config.IM_GROUP_MEMBERS_MAX });
  const avatars = new Avatars({ store, access, relations, clock });
  const profiles = new Profiles({ store, relations, outcomes, avatars });
  const governance = new GroupGovernance({ access, outcomes, avatars });
  const supergroups = new Supergroups({ store, access, relations, outcomes, clock, membersMax: config.IM_SUPERGROUP_MEMBERS_MAX });
  const contacts = new Contacts({ store, access, relations, outcomes, clock, pauseMs: config.IM_CONTACT_PAUSE_S * 1_000 });
  const requireUser = async (userId: string): Promise<void> => {
    if ((await access.missingUsers([userId])).length > 0) throw new AppError("NOT_FOUND", `no such user: ${userId}`);
  };

  unary.add(server, sys.TokenServiceService, tokenService(context, accounts, requireUser));
  unary.add(server, sys.UserServiceService, userService(context, accounts, profiles, relations, requireUser));
  unary.add(server, sys.MessageServiceService, messageService(context, sending, new Notifications(context, access), requireUser));
  unary.add(server, sys.GroupServiceService, groupService(context, groups, supergroups, governance, requireUser));
  unary.add(server, sys.ContactServiceService, contactService(context, contacts, new Blocks({ access, relations, outcomes }), requireUser));
  unary.add(server, sys.SupergroupServiceService, supergroupService(context));
  unary.add(server, sys.PresenceServiceService, presenceService(new Presences({ gateways, cache, store, relations })));
  unary.add(server, sys.ConnectionServiceService, connectionService(context, gateways));
  unary.add(server, sys.QueueServiceService, queueService(context));

  const grpcHealth = new HealthImplementation();
  const setHealth = (status: ServingStatus): void => {
    for (const name of HEALTH_NAMES) grpcHealth.setStatus(name, status);
  };
  setHealth("NOT_SERVING");
  grpcHealth.addToServer(server);
  if (config.IM_GRPC_REFLECTION === "on" || (config.IM_GRPC_REFLECTION === "auto" && isLoopback(config.IM_HOST))) addReflection(server);

  let port = 0;
  let registered: MemberInfo | undefined;
  let registration: Registration | undefined;
  let healthTimer: NodeJS.Timeout | undefined;
  let closed: Promise<void> | undefined;

  const lookAtHealth = async (): Promise<void> => {
    const { ready } = await health.report();
    if (closed === undefined) setHealth(ready ? "SERVING" : "NOT_SERVING");
  };

  const close = async (): Promise<void> => {
    const shutdown = new Promise<void>((resolve) => server.tryShutdown(() => resolve()));
    const over = new AbortController();
    const deadline = clock.monotonic() + DRAIN_MS;
    const calls = async (): Promise<void> => {
      while (unary.underWay > 0 && clock.monotonic() < deadline && !over.signal.aborted) await sleep(10, over.signal);
      await sleep(LINGER_MS, over.signal);
    };
    await Promise.race([shutdown, calls()]);
    over.abort();
    server.forceShutdown();
  };

  /** Callers are told first, so that they ask another instance; then what is under way ends. */
  const leave = async (): Promise<void> => {
    if (registered) {
      await registration?.update({ ...registered, draining: true }).catch((error: unknown) => {
        logger.warn({ err: error }, "the drain was not announced");
      });
    }
    await close();
    await registration?.close();
  };

  return {
    name: "sys",
    get port() {
      return port;
    },
    start: async () => {
      await queue.ensureTopics(durableTopics(config.IM_QUEUE_PARTITIONS));
      await gateways.start();
      await results.start();
      port = await listen(server, config.IM_HOST, config.IM_GRPC_PORT);
      const address = advertised(config.IM_GRPC_ADVERTISE, config.IM_HOST, port);
      registered = { addresses: { grpc: address } };
      registration = await registry.register("sys", randomUUID(), registered);
      setHealth("SERVING");
      healthTimer = setInterval(() => void lookAtHealth(), HEALTH_EVERY_MS);
      logger.info({ port, address }, "gRPC interface listens");
    },
    drain: async () => {
      health.drain();
      clearInterval(healthTimer);
      setHealth("NOT_SERVING");
      closed ??= leave();
      await closed;
    },
    stop: async () => {
      clearInterval(healthTimer);
      await registration?.close();
      // Without channelz forceShutdown leaves sessions open (grpc-js 1.14): who has one would go on being answered.
      server.tryShutdown(() => undefined);
      server.forceShutdown();
      await results.close();
      await gateways.stop();
    },
  };
};
