import { type EngineName, LEASE_TTL_S, type ServiceName } from "./cluster-system.js";
import type { MutationName } from "./mutations.js";

/** What the driver and the survivors' logs saw between the injection and the end of the recovery. */
export interface Seen {
  /** Calls without an answer, and calls answered 5xx. */
  readonly failedCalls: number;
  /** Connections that broke without the driver having cut them. */
  readonly brokenConnections: number;
  /** The longest that an acknowledged message took to be shown everywhere, ms. */
  readonly slowestMs: number;
  /** Lines of the services' logs that the cell looks for. */
  readonly logLines: number;
}

/** One row of the fault matrix: what is killed with -9, for how long it stays away, and what shows that this was felt. */
export interface Cell {
  readonly name: string;
  readonly victim: ServiceName | EngineName;
  /** Its data is gone as well when it comes back. */
  readonly wipe: boolean;
  /** How long it stays away, ms. */
  readonly downMs: number;
  /** From heal to the first new message that is accepted and shown, ms. */
  readonly budgetMs: number;
  /** What is looked for in the services' logs. */
  readonly logged: RegExp;
  readonly bit: (seen: Seen) => boolean;
  /** A metric of the victim that must count again once it is back. */
  readonly works?: string;
  /** Half of the sends go through syssvc. */
  readonly viaSys?: boolean;
}

const cell = (values: Omit<Cell, "wipe"> & { wipe?: boolean }): Cell => ({ wipe: false, ...values });

export const cells: readonly Cell[] = [
  cell({
    name: "ingest",
    victim: "ingest",
    downMs: 8_000,
    budgetMs: 60_000,
    logged: /ingest partitions assigned|deliveries of the last batch produced again/,
    bit: ({ logLines, slowestMs }) => logLines > 0 && slowestMs > 1_000,
    works: "dunlin_messages_stored_total",
  }),
  cell({
    name: "gateway",
    victim: "gateway",
    downMs: 6_000,
    budgetMs: 10_000,
    logged: /$^/,
    bit: ({ brokenConnections }) => brokenConnections > 0,
    works: "dunlin_delivered_total",
  }),
  cell({
    name: "api",
    victim: "api",
    downMs: 6_000,
    budgetMs: 5_000,
    logged: /$^/,
    bit: ({ failedCalls }) => failedCalls > 0,
    works: "dunlin_messages_accepted_total",
  }),
  cell({
    name: "sys",
    victim: "sys",
    downMs: 6_000,
    budgetMs: 5_000,
    logged: /$^/,
    bit: ({ failedCalls }) => failedCalls > 0,
    works: "dunlin_grpc_requests_total",
    viaSys: true,
  }),
  cell({
    name: "kafka",
    victim: "kafka",
    downMs: 5_000,
    budgetMs: 60_000,
    logged: /ingest consumer|producing again/,
    bit: ({ failedCalls, slowestMs }) => failedCalls > 0 && slowestMs > 1_000,
  }),
  cell({
    name: "mariadb",
    victim: "mariadb",
    downMs: 6_000,
    budgetMs: 30_000,
    logged: /the store is away; ingest waits/,
    bit: ({ logLines, slowestMs }) => logLines > 0 && slowestMs > 4_000,
  }),
  cell({
    name: "redis",
    victim: "redis",
    downMs: 6_000,
    budgetMs: 10_000,
    logged: /no routes: delivering to every gateway|the cache was emptied/,
    bit: ({ logLines }) => logLines > 0,
  }),
  cell({
    name: "etcd",
    victim: "etcd",
    // Longer than a lease, so that everybody has to do without one.
    downMs: (LEASE_TTL_S + 3) * 1_000,
    budgetMs: 2 * LEASE_TTL_S * 1_000,
    logged: /registry|lease|slot/,
    bit: ({ failedCalls }) => failedCalls > 0,
  }),
  cell({
    name: "etcd-wiped",
    victim: "etcd",
    wipe: true,
    downMs: (LEASE_TTL_S + 3) * 1_000,
    budgetMs: 2 * LEASE_TTL_S * 1_000,
    logged: /registry|lease|slot/,
    bit: ({ failedCalls }) => failedCalls > 0,
  }),
];

/** The cells in which a mutation must be found. */
export const cellsFor: Record<MutationName, readonly string[]> = {
  // What was answered too early is lost when Kafka goes before it has it.
  "early-answer": ["kafka"],
  // Senders that got no answer send again.
  "no-dedupe": ["api"],
};
