import { readFile } from "node:fs/promises";

/** Kept for everything that is not a client. */
const SPARE = 256;

/** How many connections the process's file descriptors allow: beyond them accept would fail without an answer. */
export const connectionsByDescriptors = async (): Promise<number> => {
  let text: string;
  try {
    text = await readFile("/proc/self/limits", "utf8");
  } catch {
    return Number.POSITIVE_INFINITY;
  }
  const soft = Number(/^Max open files\s+(\d+)/m.exec(text)?.[1] ?? Number.POSITIVE_INFINITY);
  return Math.max(1, soft - SPARE);
};
