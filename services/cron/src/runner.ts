import type { JobContext } from "./context.js";
import type { Job } from "./jobs.js";

/** Rows of one statement: short enough not to hold up the writes of the message path. */
const SLICE_ROWS = 1_000;

export type RunResult =
  /** Done here, wholly or up to the row limit. */
  | { readonly kind: "done"; readonly rows: number }
  | { readonly kind: "failed"; readonly rows: number; readonly error: unknown }
  /** Somebody else holds the job's lock now. */
  | { readonly kind: "busy" }
  /** This run was claimed before, or a newer holder of the lock has claimed one. */
  | { readonly kind: "claimed" };

/**
 * Does runs of jobs, each once however many replicas try: the lock keeps them from working at the same time, the claim in
 * the store decides. A holder that slept past its lease comes with an older token than the claim of its successor, and is
 * refused.
 */
export class Runner {
  readonly #runs;
  readonly #rows;
  readonly #lastSuccess;
  readonly #seconds;

  /** @param owner names this process in locks and claims. */
  constructor(
    private readonly context: JobContext,
    private readonly owner: string,
  ) {
    const { metrics } = context;
    this.#runs = metrics.counter("dunlin_cron_runs_total", "Runs of a job that ended here.", ["job", "outcome"]);
    this.#rows = metrics.counter("dunlin_cron_rows_total", "Rows a job has removed.", ["job"]);
    this.#lastSuccess = metrics.gauge("dunlin_cron_last_success_seconds", "When a job last succeeded here, s since 1970.", ["job"]);
    this.#seconds = metrics.histogram("dunlin_cron_run_seconds", "How long runs took.", ["job"], [0.01, 0.1, 1, 10, 60, 600]);
  }

  /**
   * Tries to do the run that was due at `dueAt`. Stops between slices when `stop` aborts or the lock may be lost; what is
   * left then is the next run's.
   * @throws AppError UNAVAILABLE when lock or claim cannot be asked for: the run is still to be done.
   */
  async run(job: Job, dueAt: number, stop: AbortSignal): Promise<RunResult> {
    const { registry, store, clock, logger } = this.context;
    const lock = await registry.lock(`cron/${job.name}`, this.owner);
    if (!lock) return { kind: "busy" };
    try {
      if (!(await store.jobs.claim(job.name, dueAt, lock.token, this.owner, clock.now()))) return { kind: "claimed" };
      const begin = clock.monotonic();
      const result = await this.#slices(job, AbortSignal.any([stop, lock.signal]));
      const outcome = result.kind === "done" ? "ok" : "failed";
      this.#runs.inc({ job: job.name, outcome });
      this.#seconds.observe({ job: job.name }, (clock.monotonic() - begin) / 1000);
      if (outcome === "ok") this.#lastSuccess.set({ job: job.name }, clock.now() / 1000);
      const facts = { job: job.name, due_at: dueAt, rows: result.rows, ms: Math.round(clock.monotonic() - begin) };
      if (result.kind === "failed") logger.error({ ...facts, err: result.error }, "job failed");
      else logger.info(facts, "job done");
      // Only a note for operators: a run that cannot be noted was done all the same.
      await store.jobs.finish(job.name, dueAt, clock.now(), outcome, result.rows).catch((error: unknown) => {
        logger.warn({ err: error, job: job.name, due_at: dueAt }, "the outcome was not noted");
      });
      return result;
    } finally {
      await lock.close();
    }
  }

  async #slices(job: Job, signal: AbortSignal): Promise<Extract<RunResult, { kind: "done" | "failed" }>> {
    const max = this.context.config.IM_CRON_ROWS_MAX;
    let rows = 0;
    try {
      while (rows < max && !signal.aborted) {
        const removed = await job.slice(Math.min(SLICE_ROWS, max - rows));
        if (removed === 0) break;
        rows += removed;
        this.#rows.inc({ job: job.name }, removed);
      }
      return { kind: "done", rows };
    } catch (error) {
      return { kind: "failed", rows, error };
    }
  }
}
