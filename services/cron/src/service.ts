import { randomUUID } from "node:crypto";
import { type Service, sleep } from "@dunlin/runtime";
import type { CronContext, JobContext } from "./context.js";
import { DueMessages } from "./due-messages.js";
import { createJobs, type Job } from "./jobs.js";
import { Runner } from "./runner.js";
import { dueRun } from "./schedule.js";
import { SearchIndexer } from "./search-indexer.js";

/** Looked at least this often, ms: a clock may jump, and another replica may leave a run undone. */
const LOOK_EVERY_MS = 15_000;
/** A run under way has this long to end by itself when the service drains, ms; then it stops after its slice. */
const DRAIN_MS = 10_000;

export interface CronService extends Service {
  /** The names of the jobs. */
  readonly jobs: readonly string[];
  /** Does one job now. @returns the rows it removed. @throws Error when it cannot or fails. */
  runNow(job: string): Promise<number>;
}

/** Does one job now, as `--run <job>` does; without the service. @returns the rows it removed. @throws Error when it cannot or fails. */
export const runJobNow = async (context: JobContext, name: string, stop: AbortSignal, runner = new Runner(context, randomUUID())) => {
  const jobs = createJobs(context);
  const job = jobs.find((one) => one.name === name);
  if (!job) throw new Error(`there is no job ${name}; there are ${jobs.map((one) => one.name).join(", ")}`);
  const result = await runner.run(job, context.clock.now(), stop);
  if (result.kind === "done") return result.rows;
  if (result.kind === "failed") throw result.error;
  throw new Error(result.kind === "busy" ? `${name} is being run by somebody else` : `${name} was run by somebody else just now`);
};

export const createCronService = (context: CronContext): CronService => {
  const { clock, logger, store } = context;
  const owner = randomUUID();
  const runner = new Runner(context, owner);
  const indexer = new SearchIndexer(context, owner);
  const jobs = createJobs(context);
  /** What is known to be claimed, so that the store is asked only when something may be due. */
  const claimed = new Map<string, number>();
  const draining = new AbortController();
  const stopping = new AbortController();
  const dueMessages = new DueMessages(context);
  let loop: Promise<unknown> | undefined;

  const look = async (job: Job): Promise<void> => {
    if (dueRun(job.schedule, clock.now(), claimed.get(job.name)) === undefined) return;
    const last = (await store.jobs.last(job.name))?.dueAt;
    if (last !== undefined) claimed.set(job.name, last);
    const dueAt = dueRun(job.schedule, clock.now(), last);
    if (dueAt === undefined) return;
    const result = await runner.run(job, dueAt, stopping.signal);
    // "busy" and "claimed" by somebody else: the store says at the next look whether it was this run.
    if (result.kind === "done" || result.kind === "failed") claimed.set(job.name, dueAt);
  };

  const run = async (): Promise<void> => {
    while (!draining.signal.aborted) {
      for (const job of jobs) {
        if (draining.signal.aborted) return;
        try {
          await look(job);
        } catch (error) {
          logger.warn({ err: error, job: job.name }, "a due job could not be started; it will be tried again");
        }
      }
      const now = clock.now();
      const next = Math.min(...jobs.map((job) => job.schedule.next(now)));
      await sleep(Math.min(LOOK_EVERY_MS, Math.max(1, next - now)), draining.signal);
    }
  };

  return {
    name: "cron",
    jobs: jobs.map((job) => job.name),
    start: async () => {
      loop = Promise.all([run(), indexer.run(draining.signal), dueMessages.run(draining.signal)]);
    },
    drain: async () => {
      draining.abort();
      const deadline = setTimeout(() => stopping.abort(), DRAIN_MS);
      await loop;
      clearTimeout(deadline);
    },
    stop: async () => {
      draining.abort();
      stopping.abort();
      await loop;
    },
    runNow: (name) => runJobNow(context, name, stopping.signal, runner),
  };
};
