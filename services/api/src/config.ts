import { fileOptions } from "@dunlin/domain";
import { mailOptions } from "@dunlin/engines/mail";
import { type ConfigOf, option } from "@dunlin/runtime";

/** Rates are shared by all processes on one Redis; as many may come in a burst. */
const rate = (help: string, fallback: string) => option.integer(`${help} 0: no limit.`, fallback, 0, 1_000_000);

export const apiOptions = {
  ...mailOptions,
  IM_EMAIL_REQUIRED: option.flag("Whether registering needs an e-mail address and the code that was sent to it.", "false"),
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
  IM_RATE_SENDS_PER_S: rate("Messages a user may send each second.", "600"),
  IM_RATE_SENDS_DEVICE_PER_S: rate("Messages one device may send each second.", "0"),
  IM_RATE_SENDS_IP_PER_S: rate("Messages an address may send each second.", "0"),
  IM_RATE_LOGINS_PER_MIN: rate("Logins and refreshes of an address each minute, good and bad.", "6000"),
  IM_RATE_LOGIN_FAILURES_PER_MIN: rate("Failed logins and refreshes an address may have each minute.", "60"),
  IM_RATE_PROFILE_CHANGES_PER_MIN: rate("Profile changes a user may make each minute.", "20"),
  IM_RATE_CONTACT_REQUESTS_PER_MIN: rate("Contact requests a user may make each minute.", "60"),
  IM_RATE_REGISTER_PER_MIN: rate("Accounts an address may register each minute.", "6000"),
  IM_RATE_CODES_PER_HOUR: rate("E-mail codes an address (IP) may ask for each hour.", "100"),
  IM_RATE_CODES_EMAIL_PER_HOUR: rate("Codes that are sent to one e-mail address each hour.", "5"),
  IM_RATE_LOOKUPS_PER_MIN: rate("Look-ups of users and searches of a user each minute.", "300"),
  IM_RATE_LOOKUPS_DEVICE_PER_MIN: rate("Look-ups of users and searches of one device each minute.", "0"),
  IM_RATE_LOOKUPS_IP_PER_MIN: rate("Look-ups of users and searches of an address each minute.", "0"),
  IM_RATE_UPLOADS_PER_MIN: rate("Files a user may begin to upload each minute.", "120"),
  IM_RATE_UPLOADS_DEVICE_PER_MIN: rate("Files one device may begin to upload each minute.", "0"),
  IM_RATE_UPLOADS_IP_PER_MIN: rate("Files an address may begin to upload each minute.", "0"),
  IM_RATE_OTHER_PER_S: rate("Everything else a user may ask each second.", "200"),
  IM_RATE_OTHER_DEVICE_PER_S: rate("Everything else one device may ask each second.", "0"),
  IM_RATE_OTHER_IP_PER_S: rate("Everything else an address may ask each second.", "0"),
  ...fileOptions,
} as const;

export type ApiConfig = ConfigOf<typeof apiOptions>;
