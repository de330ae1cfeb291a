import type { Blobs } from "@dunlin/engines/blobs";
import type { Store } from "@dunlin/engines/store";
import { allKeysOf, UPLOADS } from "./keys.js";
import { UNSENT_MS } from "./lifetimes.js";

/** With five blobs each, one removal of the port. */
const FILES_MAX = 200;
const PAGE = 1_000;
/** The blobs' clock may be another one than ours, ms. */
const CLOCKS_MS = 60_000;

/**
 * Removes files that nobody sent in time, blobs before rows, so that a run that breaks off leaves nothing that the next does
 * not find; then uploads that belong to none: what was uploaded again after the file was accepted, or after it had gone.
 * @returns how many files and uploads were dealt with; 0 when there is nothing left to do
 */
export const removeUnsentFiles = async (store: Pick<Store, "files">, blobs: Blobs, now: number, limit: number): Promise<number> => {
  const { going, settled } = await store.files.expire(now, Math.min(limit, FILES_MAX));
  if (going.length > 0) {
    await blobs.delete(going.flatMap(allKeysOf));
    await store.files.remove(going);
  }
  return going.length + settled || removeStrayUploads(blobs, now, limit);
};

const removeStrayUploads = async (blobs: Blobs, now: number, limit: number): Promise<number> => {
  let after: string | undefined;
  for (;;) {
    const page = await blobs.list(UPLOADS, { after, limit: PAGE });
    const old = page.filter((blob) => blob.modifiedAt < now - UNSENT_MS - CLOCKS_MS).slice(0, limit);
    await blobs.delete(old.map((blob) => blob.key));
    if (old.length > 0 || page.length < PAGE) return old.length;
    after = page.at(-1)?.key;
  }
};
