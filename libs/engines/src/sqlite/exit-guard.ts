/**
 * The native SQLite module aborts the process (SIGABRT instead of the exit code) when a worker is ended within one of
 * its calls, as process.exit() does. So the main thread, when it exits, lets the call under way end and stops the next.
 */
const BUSY = 0;
const STOP = 1;
/** An fsync on a bad disk may hang; then the abort is the lesser evil. */
const PATIENCE_MS = 2_000;

/** On the main thread: flags to hand to the worker, and how to end the guard once the worker has gone. */
export const guardExit = (): { readonly flags: SharedArrayBuffer; release(): void } => {
  const flags = new SharedArrayBuffer(8);
  const view = new Int32Array(flags);
  const hold = (): void => {
    Atomics.store(view, STOP, 1);
    Atomics.wait(view, BUSY, 1, PATIENCE_MS);
  };
  process.on("exit", hold);
  return { flags, release: () => void process.off("exit", hold) };
};

/** In the worker: runs `work` unless the process is exiting. */
export const guarded = (flags: SharedArrayBuffer): ((work: () => void) => void) => {
  const view = new Int32Array(flags);
  return (work) => {
    // First busy, then the look at stop; the other side does it the other way round, so one of the two sees the other.
    Atomics.store(view, BUSY, 1);
    try {
      if (Atomics.load(view, STOP) === 0) work();
    } finally {
      Atomics.store(view, BUSY, 0);
      Atomics.notify(view, BUSY);
    }
  };
};
