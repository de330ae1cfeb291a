import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { AppError } from "@dunlin/runtime";
import type { ImageAnswer, ImageProblem, ImageRequest } from "./protocol.js";

/** One image may keep a worker this long, ms. */
const JOB_MS = 10_000;
/** A worker nobody needs ends after this time, ms: it holds some tens of megabytes. */
const IDLE_MS = 60_000;
/** Jobs that wait for a worker, for each; more are refused. */
const WAITING_PER_WORKER = 32;
const HEAP_MB = 128;

/** An image that cannot be worked on, however often one tries. */
export class ImageRefused extends Error {
  override readonly name = "ImageRefused";
  constructor(
    readonly why: ImageProblem,
    detail: string,
  ) {
    super(detail);
  }
}

/** Pixels, as shown. */
export interface ImageSize {
  readonly width: number;
  readonly height: number;
}

interface Worker {
  readonly child: ChildProcess;
  idle: NodeJS.Timeout | undefined;
}

/**
 * Looks at images in processes of their own: hostile input may crash or hold up an image library, and then it is one of these
 * that goes. At most `workers` images are in memory at a time; they start when they are needed.
 */
export class Images {
  readonly #free: Worker[] = [];
  readonly #waiting: { start: () => void; refuse: (error: AppError) => void }[] = [];
  readonly #children = new Set<ChildProcess>();
  #busy = 0;
  #closed = false;

  constructor(private readonly options: { readonly workers: number; readonly pixelsMax: number }) {}

  /** @throws ImageRefused; AppError UNAVAILABLE when too many wait; what `load` throws */
  async measure(load: () => Promise<Uint8Array>): Promise<ImageSize> {
    const { width, height } = await this.#run(load, undefined);
    return { width, height };
  }

  /** A WebP picture whose longer side is at most `side` pixels. `load` is called when its turn comes. @throws as `measure` */
  async thumbnail(load: () => Promise<Uint8Array>, side: number): Promise<Uint8Array> {
    const { thumbnail } = await this.#run(load, side);
    if (!thumbnail) throw new ImageRefused("unreadable", "no thumbnail");
    return thumbnail;
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const { refuse } of this.#waiting.splice(0)) refuse(closed());
    for (const { idle } of this.#free.splice(0)) clearTimeout(idle);
    const ends = [...this.#children].map((child) => new Promise((resolve) => child.once("exit", resolve)));
    for (const child of this.#children) child.kill("SIGKILL");
    await Promise.all(ends);
  }

  async #run(load: () => Promise<Uint8Array>, side: number | undefined): Promise<Extract<ImageAnswer, { ok: true }>> {
    await this.#turn();
    try {
      const answer = await this.#work({ bytes: await load(), pixelsMax: this.options.pixelsMax, side });
      if (!answer.ok) throw new ImageRefused(answer.why, answer.detail);
      return answer;
    } finally {
      // The place passes to the next who waits: nobody can come between.
      const next = this.#waiting.shift();
      if (next) next.start();
      else this.#busy -= 1;
    }
  }

  async #turn(): Promise<void> {
    if (this.#closed) throw closed();
    const { workers } = this.options;
    if (this.#busy >= workers) {
      if (this.#waiting.length >= workers * WAITING_PER_WORKER) {
        throw new AppError("UNAVAILABLE", "too many images are waiting", { retryAfterS: 2 });
      }
      return new Promise((start, refuse) => this.#waiting.push({ start, refuse }));
    }
    this.#busy += 1;
  }

  async #work(request: ImageRequest): Promise<ImageAnswer> {
    if (this.#closed) throw closed();
    const worker = this.#free.pop() ?? this.#start();
    clearTimeout(worker.idle);
    const { child } = worker;
    const answer = await new Promise<ImageAnswer>((resolve) => {
      const late = setTimeout(() => done({ ok: false, why: "unreadable", detail: "took too long" }), JOB_MS);
      const gone = (): void => done({ ok: false, why: "unreadable", detail: "the worker died of it" });
      const done = (value: ImageAnswer): void => {
        clearTimeout(late);
        child.off("message", done);
        child.off("exit", gone);
        resolve(value);
      };
      child.once("message", done);
      child.once("exit", gone);
      child.send(request, (error) => error && gone());
    });
    if (this.#closed || (!answer.ok && child.exitCode === null && answer.detail === "took too long")) child.kill("SIGKILL");
    else if (child.connected && child.exitCode === null) this.#release(worker);
    return answer;
  }

  #release(worker: Worker): void {
    worker.idle = setTimeout(() => {
      this.#free.splice(this.#free.indexOf(worker), 1);
      worker.child.disconnect();
    }, IDLE_MS);
    worker.idle.unref();
    this.#free.push(worker);
  }

  #start(): Worker {
    const child = fork(fileURLToPath(new URL("./worker.js", import.meta.url)), [], {
      serialization: "advanced",
      execArgv: [`--max-old-space-size=${HEAP_MB}`],
      // No setting is its business, above all no key. Fewer arenas: libvips leaves less memory behind.
      env: { MALLOC_ARENA_MAX: "2" },
      stdio: ["ignore", "ignore", "inherit", "ipc"],
    });
    const worker: Worker = { child, idle: undefined };
    this.#children.add(child);
    child.on("error", () => undefined);
    child.on("exit", () => {
      this.#children.delete(child);
      clearTimeout(worker.idle);
      const at = this.#free.indexOf(worker);
      if (at >= 0) this.#free.splice(at, 1);
    });
    // Neither the worker nor the channel to it keeps this process alive.
    child.unref();
    child.channel?.unref();
    return worker;
  }
}

const closed = (): AppError => new AppError("UNAVAILABLE", "this process is stopping");
