import { randomUUID } from "node:crypto";
import { createReadStream, type Dirent } from "node:fs";
import { type FileHandle, mkdir, open, readdir, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Readable } from "node:stream";
import { AppError } from "@dunlin/runtime";
import type { BlobInfo, BlobRange } from "../port.js";

/** What a dead process had begun to write is removed after this time, ms: longer than any upload may take. */
const LEFT_OVER_MS = 2 * 3_600_000;

const codeOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException).code;
const isAbsent = (error: unknown): boolean => codeOf(error) === "ENOENT" || codeOf(error) === "ENOTDIR";

/** What the file system says as the port's error; a full disk is a thing of the moment. */
const unavailable = (cause: unknown): AppError => new AppError("UNAVAILABLE", "the blobs' folder cannot be used now", { cause });

/** Files below one folder, each written beside its place and put there when it is whole and on the disk. */
export class BlobFiles {
  readonly #blobs: string;
  readonly #unfinished: string;

  constructor(folder: string) {
    this.#blobs = join(folder, "blobs");
    this.#unfinished = join(folder, "unfinished");
  }

  /** Makes the folders and removes what a killed process left. */
  async prepare(now: number): Promise<void> {
    await mkdir(this.#blobs, { recursive: true });
    await mkdir(this.#unfinished, { recursive: true });
    for (const name of await readdir(this.#unfinished)) {
      const path = join(this.#unfinished, name);
      const found = await stat(path).catch(() => undefined);
      if (found && found.mtimeMs < now - LEFT_OVER_MS) await rm(path, { force: true });
    }
  }

  async write(key: string, chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<void> {
    const path = join(this.#unfinished, randomUUID());
    const file = await open(path, "wx", 0o600).catch((error: unknown) => Promise.reject(unavailable(error)));
    try {
      for await (const chunk of chunks) await writeAll(file, chunk);
      await this.#finish(file, path, key).catch((error: unknown) => Promise.reject(unavailable(error)));
    } catch (error) {
      await file.close().catch(() => undefined);
      await rm(path, { force: true }).catch(() => undefined);
      throw error;
    }
  }

  async #finish(file: FileHandle, path: string, key: string): Promise<void> {
    await file.sync();
    await file.close();
    await this.#place(path, join(this.#blobs, key));
  }

  async #place(from: string, to: string): Promise<void> {
    await mkdir(dirname(to), { recursive: true });
    await rename(from, to);
    await syncFolder(dirname(to));
  }

  async info(key: string): Promise<BlobInfo | undefined> {
    try {
      const found = await stat(join(this.#blobs, key));
      return found.isFile() ? { key, size: found.size, modifiedAt: Math.floor(found.mtimeMs) } : undefined;
    } catch (error) {
      if (isAbsent(error)) return undefined;
      throw unavailable(error);
    }
  }

  read(key: string, range?: BlobRange): Readable {
    return createReadStream(join(this.#blobs, key), range);
  }

  async move(from: string, to: string): Promise<boolean> {
    try {
      await this.#place(join(this.#blobs, from), join(this.#blobs, to));
      return true;
    } catch (error) {
      if (isAbsent(error)) return false;
      throw unavailable(error);
    }
  }

  async remove(key: string): Promise<void> {
    try {
      await rm(join(this.#blobs, key), { force: true });
    } catch (error) {
      if (!isAbsent(error)) throw unavailable(error);
    }
  }

  /** Keys in order; folders that cannot hold one that is asked for are not opened. */
  async *keys(prefix: string, after: string, folder = ""): AsyncGenerator<string> {
    let entries: Dirent[];
    try {
      entries = await readdir(join(this.#blobs, folder), { withFileTypes: true });
    } catch (error) {
      if (isAbsent(error)) return;
      throw unavailable(error);
    }
    // A folder sorts as the keys in it do, with the slash.
    const names = entries.map((entry) => `${folder}${entry.name}${entry.isDirectory() ? "/" : ""}`).sort();
    for (const name of names) {
      if (!name.endsWith("/")) {
        if (name.startsWith(prefix) && name > after) yield name;
      } else if ((name.startsWith(prefix) || prefix.startsWith(name)) && (name > after || after.startsWith(name))) {
        yield* this.keys(prefix, after, name);
      }
    }
  }

  async ping(): Promise<void> {
    await stat(this.#blobs).catch((error: unknown) => Promise.reject(unavailable(error)));
  }
}

/** One chunk, wholly. @throws AppError UNAVAILABLE when the disk does not take it */
const writeAll = async (file: FileHandle, chunk: Uint8Array): Promise<void> => {
  try {
    for (let at = 0; at < chunk.length; ) at += (await file.write(chunk, at)).bytesWritten;
  } catch (error) {
    throw unavailable(error);
  }
};

/** A rename is durable when its folder is. */
const syncFolder = async (path: string): Promise<void> => {
  const folder = await open(path, "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
};
