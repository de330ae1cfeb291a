import { AppError } from "@dunlin/runtime";
import type { z } from "zod";

const CURSOR_CHARS_MAX = 512;
const foreign = (): AppError => new AppError("BAD_REQUEST", "the cursor is not one of this list", { details: { field: "cursor" } });

/**
 * An opaque cursor: where a list goes on. It names the list and whose it is, so that one of another list or another user
 * is refused; what it says beyond that gives no access, so it is checked and not signed.
 */
export const makeCursor = (list: string, owner: string, place: unknown): string =>
  Buffer.from(JSON.stringify([list, owner, place])).toString("base64url");

/** @throws AppError BAD_REQUEST for anything that `makeCursor` did not make for this list and owner. */
export const readCursor = <T>(list: string, owner: string, place: z.ZodType<T>, cursor: string): T => {
  if (cursor.length > CURSOR_CHARS_MAX || !/^[\w-]+$/.test(cursor)) throw foreign();
  let parts: unknown;
  try {
    parts = JSON.parse(Buffer.from(cursor, "base64url").toString("utf8"));
  } catch {
    throw foreign();
  }
  if (!Array.isArray(parts) || parts.length !== 3 || parts[0] !== list || parts[1] !== owner) throw foreign();
  const parsed = place.safeParse(parts[2]);
  if (!parsed.success) throw foreign();
  return parsed.data;
};
