import type { Metrics } from "@dunlin/runtime";

type Counter<L extends string = never> = ReturnType<typeof Metrics.prototype.counter<L>>;
type Gauge = ReturnType<typeof Metrics.prototype.gauge<never>>;
type Histogram = ReturnType<typeof Metrics.prototype.histogram<never>>;

export interface GatewayMetrics {
  readonly connections: Gauge;
  readonly handshakes: Counter<"status">;
  readonly closed: Counter<"code">;
  readonly delivered: Counter;
  readonly acknowledged: Counter;
  readonly redelivered: Counter;
  readonly unclaimed: Counter;
  readonly published: Counter;
  readonly supergroupReads: Counter;
  readonly unacknowledged: Counter;
  readonly pulls: Counter<"reason">;
  readonly badRecords: Counter;
  readonly routes: Counter<"outcome">;
  readonly watched: Gauge;
  readonly presenceChannels: Gauge;
  readonly unwatched: Counter;
  readonly presences: Counter;
  readonly latency: Histogram;
}

/** The gateway's metrics, made once. */
export const gatewayMetrics = (metrics: Metrics): GatewayMetrics => ({
  connections: metrics.gauge("dunlin_ws_connections", "Open WebSockets"),
  handshakes: metrics.counter("dunlin_ws_handshakes_total", "Handshakes by HTTP status", ["status"]),
  closed: metrics.counter("dunlin_ws_closed_total", "Closed WebSockets by close code", ["code"]),
  delivered: metrics.counter("dunlin_delivered_total", "Updates sent to a connection for the first time"),
  acknowledged: metrics.counter("dunlin_acknowledged_total", "Updates a client acknowledged for the first time"),
  redelivered: metrics.counter("dunlin_redelivered_total", "Updates sent again since no acknowledgement came"),
  published: metrics.counter("dunlin_supergroup_published_total", "Entries of supergroups published, each once for all who follow"),
  supergroupReads: metrics.counter("dunlin_supergroup_reads_total", "Reads of a supergroup's log to fill a hole"),
  unclaimed: metrics.counter("dunlin_unclaimed_total", "Deliveries for users with no connection here any more"),
  unacknowledged: metrics.counter("dunlin_unacknowledged_total", "Updates that a connection closed as unresponsive had not acknowledged"),
  pulls: metrics.counter("dunlin_mailbox_reads_total", "Reads of a mailbox by reason", ["reason"]),
  badRecords: metrics.counter("dunlin_bad_deliveries_total", "Delivery records that could not be read"),
  routes: metrics.counter("dunlin_route_writes_total", "Routes written by outcome", ["outcome"]),
  watched: metrics.gauge("dunlin_presence_watched", "Pairs of a connection and a user whose presence it follows"),
  presenceChannels: metrics.gauge("dunlin_presence_channels", "Pub/sub channels of presence listened to"),
  unwatched: metrics.counter("dunlin_presence_unwatched_total", "Such pairs not followed since there were too many"),
  presences: metrics.counter("dunlin_presence_frames_total", "PRESENCE frames given to sockets"),
  latency: metrics.histogram("dunlin_delivery_seconds", "From the store's commit to the send, seconds"),
});
