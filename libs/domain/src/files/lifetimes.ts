/** A file that nothing shows, no message and no picture of anybody, goes after this time, ms. */
export const UNSENT_MS = 3_600_000;
/** How long files of an accepted command wait for it to be stored, ms: longer than any outage of ingest may take. */
export const HOLD_MS = 7 * 86_400_000;
/** A command's own time, and when its files were held, lie no further apart, ms. */
export const HELD_WITHIN_MS = 600_000;
