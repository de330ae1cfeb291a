/**
 * Fields that name a file, wherever they stand in a payload; in a custom one too, where an app may put files of its own there
 * that are none of ours. In JSON text a quote inside a string is escaped, so what people write can never look like a field.
 */
const FIELD = /"(?:file|thumbnail)_id"\s*:\s*"(F[1-9A-HJ-NP-Za-km-z]{14})"/g;

/** Files that a message may carry. */
export const FILES_PER_MESSAGE_MAX = 32;

/** The files that a payload (JSON text) carries, each once. */
export const fileIdsOf = (payload: string): string[] =>
  payload.includes('_id"') ? [...new Set(Array.from(payload.matchAll(FIELD), (match) => match[1] as string))] : [];
