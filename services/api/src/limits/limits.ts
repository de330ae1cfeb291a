import { createHash } from "node:crypto";
import { type AccessClaims, addressKey } from "@dunlin/domain";
import type { Cache } from "@dunlin/engines/cache";
import { AppError, type Clock, type Metrics } from "@dunlin/runtime";
import type { ApiConfig } from "../config.js";
import { type OperationClass, operationClasses, type RateSubject } from "./operation-classes.js";
import { RateLimit } from "./rate-limit.js";

type Subject = RateSubject | "email";

export interface LimitsDeps {
  readonly cache: Pick<Cache, "limiter">;
  readonly config: ApiConfig;
  readonly clock: Pick<Clock, "monotonic">;
  readonly metrics: Metrics;
}

/** How often a user, a device and an address may do what. */
export class Limits {
  /** By address; a point for each login or refresh that is refused. */
  readonly loginFailures: RateLimit;
  readonly #codesTo: RateLimit;
  readonly #limits = new Map<string, RateLimit>();
  readonly #refused;

  constructor(private readonly deps: LimitsDeps) {
    const { config, metrics } = deps;
    this.#refused = metrics.counter("dunlin_rate_limited_total", "Requests refused for their rate.", ["operation", "subject"]);
    this.loginFailures = this.#open("login-failure-ip", config.IM_RATE_LOGIN_FAILURES_PER_MIN, 60);
    this.#codesTo = this.#open("code-email", config.IM_RATE_CODES_EMAIL_PER_HOUR, 3600);
    for (const [operation, { windowS, ...subjects }] of Object.entries(operationClasses)) {
      for (const [subject, setting] of Object.entries(subjects)) {
        const points = config[setting];
        if (points > 0) this.#limits.set(`${operation}-${subject}`, this.#open(`${operation}-${subject}`, points, windowS));
      }
    }
  }

  /** Counts `cost` against the address, which is only asked for when it is limited. @throws AppError RATE_LIMITED */
  address(operation: OperationClass, ip: () => string, cost: number): Promise<void> | undefined {
    const limit = this.#limits.get(`${operation}-ip`);
    return limit && this.#check(operation, "ip", limit.take(addressKey(ip()), cost));
  }

  /** Counts `cost` against the user and the device. Undefined when known at once. @throws AppError RATE_LIMITED */
  caller(operation: OperationClass, { userId, deviceId }: AccessClaims, cost: number): Promise<void> | undefined {
    const user = this.#limits.get(`${operation}-user`);
    const device = this.#limits.get(`${operation}-device`);
    const first = user && this.#check(operation, "user", user.take(userId, cost));
    if (!device) return first;
    const second = (): Promise<void> | undefined => this.#check(operation, "device", device.take(`${userId} ${deviceId}`, cost));
    return first === undefined ? second() : first.then(second);
  }

  /** Counts a code that is asked for an e-mail address. @throws AppError RATE_LIMITED */
  async codeTo(email: string): Promise<void> {
    // Redis need not know whose they are.
    const wait = await this.#codesTo.take(createHash("sha256").update(email).digest("base64url"));
    await this.#check("code", "email", wait);
  }

  #check(operation: OperationClass, subject: Subject, wait: number | Promise<number>): Promise<void> | undefined {
    const refuse = (seconds: number): void => {
      if (seconds === 0) return;
      this.#refused.inc({ operation, subject });
      throw new AppError("RATE_LIMITED", undefined, { retryAfterS: seconds });
    };
    if (typeof wait !== "number") return wait.then(refuse);
    refuse(wait);
    return undefined;
  }

  #open(name: string, points: number, windowS: number): RateLimit {
    const { cache, clock } = this.deps;
    return new RateLimit({ limiter: cache.limiter({ name, points, windowS }), points, windowS, clock });
  }
}
