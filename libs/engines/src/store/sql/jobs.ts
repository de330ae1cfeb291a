import type { Jobs } from "../port/index.js";
import type { SqlContext } from "./context.js";
import { retryAborted, UniqueViolation } from "./errors.js";
import { jobRunOf, numberOf } from "./rows.js";

/** How long runs are remembered, ms, counted from the newest run's due time. A run due before that is refused. */
const REMEMBERED_MS = 30 * 24 * 3600 * 1000;

export const createJobs = ({ dialect, readDb, writeDb }: SqlContext): Jobs => {
  /** The job's row exists from then on, so that claimers can lock it. */
  const introduce = async (job: string): Promise<void> => {
    const known = await readDb.selectFrom("job_tokens").select("job").where("job", "=", job).executeTakeFirst();
    if (known) return;
    try {
      await retryAborted(() => writeDb.insertInto("job_tokens").values({ job, token: 0, newest_due_at: 0 }).execute());
    } catch (error) {
      // Somebody else introduced it meanwhile.
      if (!(error instanceof UniqueViolation)) throw error;
    }
  };

  return {
    async claim(job, dueAt, token, owner, at) {
      await introduce(job);
      return retryAborted(() =>
        writeDb.transaction().execute(async (tx) => {
          const fence = await tx
            .selectFrom("job_tokens")
            .select(["token", "newest_due_at"])
            .where("job", "=", job)
            .$if(dialect.rowLocks, (query) => query.forUpdate())
            .executeTakeFirstOrThrow();
          const newestDueAt = Math.max(numberOf(fence.newest_due_at), dueAt);
          if (numberOf(fence.token) > token || dueAt < newestDueAt - REMEMBERED_MS) return false;
          const run = await tx.selectFrom("job_runs").select("job").where("job", "=", job).where("due_at", "=", dueAt).executeTakeFirst();
          await tx.updateTable("job_tokens").set({ token, newest_due_at: newestDueAt }).where("job", "=", job).execute();
          if (run) return false;
          await tx
            .insertInto("job_runs")
            .values({ job, due_at: dueAt, token, owner, claimed_at: at, finished_at: null, outcome: null, done: 0 })
            .execute();
          await tx
            .deleteFrom("job_runs")
            .where("job", "=", job)
            .where("due_at", "<", newestDueAt - REMEMBERED_MS)
            .execute();
          return true;
        }),
      );
    },

    async finish(job, dueAt, at, outcome, done) {
      await retryAborted(() =>
        writeDb
          .updateTable("job_runs")
          .set({ finished_at: at, outcome, done })
          .where("job", "=", job)
          .where("due_at", "=", dueAt)
          .execute(),
      );
    },

    async last(job) {
      const row = await readDb
        .selectFrom("job_runs")
        .select(["job", "due_at", "finished_at", "outcome", "done"])
        .where("job", "=", job)
        .orderBy("due_at", "desc")
        .limit(1)
        .executeTakeFirst();
      return row && jobRunOf(row);
    },
  };
};
