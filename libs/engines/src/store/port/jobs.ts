export interface JobRun {
  readonly job: string;
  readonly dueAt: number;
  readonly finishedAt: number | null;
  readonly outcome: "ok" | "failed" | null;
  readonly done: number;
}

export interface Jobs {
  /**
   * Claims one run of a job: true for exactly one caller per (job, dueAt), and only while no newer token has claimed
   * this job (fencing).
   */
  claim(job: string, dueAt: number, token: number, owner: string, at: number): Promise<boolean>;
  /** Notes the outcome of a claimed run; `done` is how many rows it changed. */
  finish(job: string, dueAt: number, at: number, outcome: "ok" | "failed", done: number): Promise<void>;
  last(job: string): Promise<JobRun | undefined>;
}
