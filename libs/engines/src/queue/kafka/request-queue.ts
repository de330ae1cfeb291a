import { createRequire } from "node:module";

/** The part of kafkajs's request queue that is put right here. */
interface RequestQueue {
  throttledUntil: number;
  throttleCheckTimeoutId: NodeJS.Timeout | null;
  readonly pending: readonly unknown[];
  checkPendingRequests(): void;
  scheduleCheckPendingRequests(): void;
}

const require = createRequire(import.meta.url);
let mended = false;

/**
 * kafkajs 2.2.4 asks for a look at its pending requests after every answer, also when there are none, and each look
 * asks for the next: a timer with a negative delay (TimeoutNegativeWarning on newer Node versions) that fires every
 * millisecond on every connection for ever. With this it asks only when something waits.
 */
export const mendRequestQueue = (): void => {
  if (mended) return;
  mended = true;
  const { prototype } = require("kafkajs/src/network/requestQueue") as { prototype: RequestQueue };
  prototype.scheduleCheckPendingRequests = function (this: RequestQueue): void {
    if (this.throttleCheckTimeoutId !== null || this.pending.length === 0) return;
    const throttled = this.throttledUntil - Date.now();
    this.throttleCheckTimeoutId = setTimeout(
      () => {
        this.throttleCheckTimeoutId = null;
        this.checkPendingRequests();
      },
      throttled > 0 ? throttled : 10,
    );
  };
};
