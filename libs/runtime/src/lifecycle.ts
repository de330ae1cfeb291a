import type { Logger } from "./logger.js";

/**
 * How a service lives. `start` resolves when it serves; `drain` stops taking new work, tells clients and finishes
 * what it has; `stop` closes everything. All three may be called once, `drain` and `stop` also after a failed start.
 */
export interface Service {
  readonly name: string;
  start(): Promise<void>;
  drain(): Promise<void>;
  stop(): Promise<void>;
}

/** Collects what was opened and closes it in reverse order; one that fails does not keep the others open. */
export class Closer {
  readonly #steps: { name: string; close: () => Promise<void> | void }[] = [];
  #closing: Promise<void> | undefined;

  add(name: string, close: () => Promise<void> | void): void {
    this.#steps.push({ name, close });
  }

  /** Idempotent. @throws AggregateError when a step failed, after all have run. */
  close(): Promise<void> {
    this.#closing ??= this.#run();
    return this.#closing;
  }

  async #run(): Promise<void> {
    const failures: unknown[] = [];
    for (const step of this.#steps.reverse()) {
      try {
        await step.close();
      } catch (cause) {
        failures.push(new Error(`closing ${step.name} failed`, { cause }));
      }
    }
    if (failures.length > 0) throw new AggregateError(failures, "some things did not close");
  }
}

export interface RunOptions {
  services: readonly Service[];
  /** Called when all have started. */
  started?: (() => void) | undefined;
  /** Closes the engines, after the services have stopped. */
  close: () => Promise<void>;
  logger: Logger;
  /** Drain and stop together may take this long, ms; then the process exits with 1. */
  drainDeadlineMs: number;
}

/**
 * Starts services in order and runs them until SIGTERM or SIGINT; then drains and stops them in reverse order and exits
 * with 0. A failed start stops what was started and exits with 1, as does an error nobody handled: state may be torn,
 * and everything acknowledged is durable elsewhere.
 */
export const runServices = async ({ services, started, close, logger, drainDeadlineMs }: RunOptions): Promise<void> => {
  let ending = false;
  const end = async (code: number): Promise<void> => {
    if (ending) return;
    ending = true;
    const deadline = setTimeout(() => {
      logger.fatal({ deadline_ms: drainDeadlineMs }, "not stopped by the deadline");
      process.exit(1);
    }, drainDeadlineMs);
    deadline.unref();
    let result = code;
    for (const phase of ["drain", "stop"] as const) {
      for (const service of [...services].reverse()) {
        try {
          await service[phase]();
        } catch (error) {
          logger.error({ err: error, part: service.name }, `${phase} failed`);
          result = 1;
        }
      }
    }
    try {
      await close();
    } catch (error) {
      logger.error({ err: error }, "closing the engines failed");
      result = 1;
    }
    logger.info("stopped");
    process.exit(result);
  };
  process.once("SIGTERM", () => void end(0));
  process.once("SIGINT", () => void end(0));
  const die = (error: unknown): void => {
    logger.fatal({ err: error }, "unhandled error");
    process.exit(1);
  };
  process.on("uncaughtException", die);
  process.on("unhandledRejection", die);
  try {
    for (const service of services) {
      if (ending) return;
      await service.start();
      logger.info({ part: service.name }, "started");
    }
    started?.();
  } catch (error) {
    logger.fatal({ err: error }, "start failed");
    await end(1);
  }
};
