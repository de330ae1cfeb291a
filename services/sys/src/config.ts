import { type ConfigOf, option } from "@dunlin/runtime";

/** Settings of syssvc itself. */
export const sysOptions = {
  IM_GRPC_PORT: option.port("Port of the internal gRPC interface.", "8082"),
  IM_GRPC_ADVERTISE: option.optionalText(
    "Where other services reach this process's gRPC interface, host or host:port. Unset: the address it listens on.",
  ),
  IM_GRPC_DEADLINE_MAX_MS: option.integer("Longest a call may take; also the deadline of a call that has none, ms.", "30000", 10, 600_000),
  IM_GRPC_STREAMS_MAX: option.integer("Calls under way on one connection.", "1000", 1, 100_000),
  IM_GRPC_CALLS_MAX: option.integer("Calls under way in the whole process; more are refused as unavailable.", "5000", 1, 1_000_000),
  IM_GRPC_REFLECTION: option.choice(
    "Whether the interface describes itself to any caller (grpcurl). auto: only when it listens on loopback.",
    ["auto", "on", "off"],
    "auto",
  ),
} as const;

export type SysConfig = ConfigOf<typeof sysOptions>;
