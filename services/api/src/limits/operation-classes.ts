import type { ApiConfig } from "../config.js";

/** Kinds of operations that are limited apart from each other. */
export type OperationClass = "send" | "login" | "register" | "code" | "lookup" | "contact" | "profile" | "upload" | "other";
/** What is counted for: a user, one of its devices, a network address. */
export type RateSubject = "user" | "device" | "ip";
type RateSetting = Extract<keyof ApiConfig, `IM_RATE_${string}`>;

interface RateClass extends Readonly<Partial<Record<RateSubject, RateSetting>>> {
  readonly windowS: 1 | 60 | 3600;
}

/** Which setting limits what, and in which window. */
export const operationClasses: Readonly<Record<OperationClass, RateClass>> = {
  send: { windowS: 1, user: "IM_RATE_SENDS_PER_S", device: "IM_RATE_SENDS_DEVICE_PER_S", ip: "IM_RATE_SENDS_IP_PER_S" },
  login: { windowS: 60, ip: "IM_RATE_LOGINS_PER_MIN" },
  register: { windowS: 60, ip: "IM_RATE_REGISTER_PER_MIN" },
  code: { windowS: 3600, ip: "IM_RATE_CODES_PER_HOUR" },
  lookup: { windowS: 60, user: "IM_RATE_LOOKUPS_PER_MIN", device: "IM_RATE_LOOKUPS_DEVICE_PER_MIN", ip: "IM_RATE_LOOKUPS_IP_PER_MIN" },
  contact: { windowS: 60, user: "IM_RATE_CONTACT_REQUESTS_PER_MIN" },
  profile: { windowS: 60, user: "IM_RATE_PROFILE_CHANGES_PER_MIN" },
  upload: { windowS: 60, user: "IM_RATE_UPLOADS_PER_MIN", device: "IM_RATE_UPLOADS_DEVICE_PER_MIN", ip: "IM_RATE_UPLOADS_IP_PER_MIN" },
  other: { windowS: 1, user: "IM_RATE_OTHER_PER_S", device: "IM_RATE_OTHER_DEVICE_PER_S", ip: "IM_RATE_OTHER_IP_PER_S" },
};

const windowText = { 1: "a second", 60: "a minute", 3600: "an hour" } as const;
const subjectText: Readonly<Record<RateSubject, string>> = { user: "a user", device: "a device", ip: "an address" };

/** The rate limit of a class in words, for those who read the documentation. */
export const rateText = (operation: OperationClass): string => {
  const { windowS, ...subjects } = operationClasses[operation];
  const parts = Object.entries(subjects).map(([subject, setting]) => `\`${setting}\` ${subjectText[subject as RateSubject]}`);
  return `${parts.join(", ")}, in ${windowText[windowS]} (rate class ${operation}; 0 is no limit)`;
};
