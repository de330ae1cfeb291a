/** Readiness: every part says whether it can do its work now. Checks must be cheap and answer within a second. */
export type HealthCheck = () => Promise<void> | void;

export interface HealthReport {
  ready: boolean;
  /** Per check "ok" or why not. */
  checks: Record<string, string>;
}

const CHECK_TIMEOUT_MS = 1_000;

export class Health {
  readonly #checks = new Map<string, HealthCheck>();
  #draining = false;
  #starting = false;

  add(name: string, check: HealthCheck): void {
    this.#checks.set(name, check);
  }

  remove(name: string): void {
    this.#checks.delete(name);
  }

  /** Not ready until `started`: some of the process's services do not listen yet. */
  starting(): void {
    this.#starting = true;
  }

  started(): void {
    this.#starting = false;
  }

  /** From now on not ready: load balancers send nothing new. */
  drain(): void {
    this.#draining = true;
  }

  get draining(): boolean {
    return this.#draining;
  }

  async report(): Promise<HealthReport> {
    const checks: Record<string, string> = {};
    let ready = !this.#draining && !this.#starting;
    if (this.#starting) checks["starting"] = "yes";
    if (this.#draining) checks["draining"] = "yes";
    await Promise.all(
      [...this.#checks].map(async ([name, check]) => {
        try {
          await withTimeout(Promise.resolve().then(check), CHECK_TIMEOUT_MS);
          checks[name] = "ok";
        } catch (error) {
          checks[name] = error instanceof Error ? error.message : String(error);
          ready = false;
        }
      }),
    );
    return { ready, checks };
  }
}

/** Rejects with `timed out after … ms` when `promise` takes longer than `ms`. The work itself is not cancelled. */
export const withTimeout = <T>(promise: Promise<T>, ms: number): Promise<T> =>
  new Promise<T>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`timed out after ${ms} ms`)), ms);
    promise.then(resolve, reject).finally(() => clearTimeout(timer));
  });
