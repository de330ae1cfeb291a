import { type ConfigOf, option } from "@dunlin/runtime";

/** The parts of brokersvc; each can run alone. */
export const brokerRoles = ["gateway", "ingest"] as const;
export type BrokerRole = (typeof brokerRoles)[number];

export const brokerOptions = {
  IM_BROKER_ROLES: option.choices("What this brokersvc does.", brokerRoles, "gateway,ingest"),
  IM_WS_PORT: option.port("First port for WebSockets.", "8081"),
  IM_WS_PORT_COUNT: option.integer("How many ports to listen on, from IM_WS_PORT upwards.", "1", 1, 64),
  IM_WS_PUBLIC_URL: option.optionalUrl(
    "Where clients reach this gateway, e.g. wss://gw3.example.org/ws. Unset: ws://IM_HOST:port/ws for each port.",
    ["ws", "wss"],
  ),
  IM_WS_ORIGINS: option.optionalText("Origins a browser may connect from, comma-separated, e.g. https://chat.example.org. Unset: any."),
  IM_WS_MAX_CONNECTIONS: option.integer("Connections this gateway takes; beyond them it answers 503.", "15000", 1, 2_000_000),
  IM_WS_HALF_OPEN_MAX: option.integer(
    "Connections of this gateway that have not finished their handshake; more are closed unanswered.",
    "10000",
    1,
    2_000_000,
  ),
  IM_WS_USER_CONNECTIONS: option.integer("Devices of one user that may be connected to one gateway; more are answered 503.", "20", 1, 1000),
  IM_WS_IP_CONNECTIONS: option.integer(
    "Connections and handshakes one address may have at one gateway; more are answered 503. 0: no limit.",
    "0",
    0,
    2_000_000,
  ),
  IM_WS_TRUSTED_PROXIES: option.integer(
    "Proxies in front that add to X-Forwarded-For; 0: the header is ignored. Counted from this process outwards.",
    "0",
    0,
    10,
  ),
  IM_WS_WATCHED_MAX: option.integer(
    "Pairs of a connection and a user whose presence it follows, in one gateway; those beyond are not told live.",
    "500000",
    0,
    100_000_000,
  ),
  IM_WS_SUPERGROUPS: option.integer(
    "Supergroups that one connection follows live, by id; what happens in others is pulled.",
    "500",
    1,
    1000,
  ),
  IM_WS_FRAMES_PER_S: option.integer(
    "Frames a client may send each second, ACKs of new updates not counted; three times as many in a burst.",
    "10",
    1,
    1000,
  ),
  IM_WS_PING_S: option.integer(
    "A client pings when it heard nothing for this long; one silent twice as long is closed, seconds.",
    "60",
    4,
    480,
  ),
} as const;

export type BrokerConfig = ConfigOf<typeof brokerOptions>;
