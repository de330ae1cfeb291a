import { type ConfigOf, option } from "@dunlin/runtime";

export const apiOptions = {
  IM_API_PORT: option.port("Port of the HTTP interface.", "8080"),
  IM_API_MAX_CONNECTIONS: option.integer("HTTP connections taken at a time; beyond them new ones are closed.", "10000", 1, 1_000_000),
  IM_API_MAX_IN_FLIGHT: option.integer("Requests worked on at a time; beyond them the answer is 503.", "5000", 1, 1_000_000),
  IM_API_HEADERS_TIMEOUT_S: option.integer("A request's headers must arrive within this time, seconds.", "10", 1, 300),
  IM_API_REQUEST_TIMEOUT_S: option.integer("A whole request must arrive within this time, seconds.", "30", 1, 600),
  IM_API_TRUSTED_PROXIES: option.integer(
    "Proxies in front that add to X-Forwarded-For; 0: the header is ignored. Counted from this process outwards.",
    "0",
    0,
    10,
  ),
  IM_API_DRAIN_DELAY_S: option.integer("After SIGTERM go on serving, not ready, for this long, seconds.", "0", 0, 120),
  IM_RATE_SENDS_PER_S: option.integer("Messages a user may send each second; as many in a burst. 0: no limit.", "600", 0, 1_000_000),
  IM_RATE_LOGIN_FAILURES_PER_MIN: option.integer(
    "Failed logins and refreshes an address may have each minute. 0: no limit.",
    "60",
    0,
    1_000_000,
  ),
  IM_RATE_CONTACT_REQUESTS_PER_MIN: option.integer("Contact requests a user may make each minute. 0: no limit.", "60", 0, 1_000_000),
  IM_RATE_REGISTER_PER_MIN: option.integer("Accounts an address may register each minute. 0: no limit.", "6000", 0, 1_000_000),
} as const;

export type ApiConfig = ConfigOf<typeof apiOptions>;
