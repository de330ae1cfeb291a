import { buffer } from "node:stream/consumers";
import type { Blobs } from "@dunlin/engines/blobs";
import { ImageRefused, type Images } from "@dunlin/engines/images";
import type { FileRow } from "@dunlin/engines/store";
import { AppError, type Clock } from "@dunlin/runtime";
import type { RequestStore } from "../guarded-store.js";
import { newId } from "../ids.js";
import type { FileConfig } from "./config.js";
import { keysOf } from "./keys.js";
import { UNSENT_MS } from "./lifetimes.js";
import { HEAD_BYTES, isImageType, looksLike } from "./types.js";

const MB = 1_000_000;

export interface FilesDeps {
  readonly store: Pick<RequestStore, "files" | "messages">;
  readonly blobs: Blobs;
  readonly images: Images;
  readonly clock: Pick<Clock, "now">;
  readonly config: FileConfig;
}

/** What somebody wants to upload; the form of the name has been checked. */
export interface Announcement {
  readonly name: string;
  readonly size: number;
  readonly type: string;
}

export interface AnnouncedFile {
  readonly id: string;
  readonly uploadUrl: string;
  readonly headers: Readonly<Record<string, string>>;
  /** The upload must have begun by then, ms since 1970. */
  readonly uploadUntil: number;
}

/** Files on their way in: announced, uploaded past us to the blobs, and looked at before anybody else can get them. */
export class Uploads {
  constructor(private readonly deps: FilesDeps) {}

  /** @throws AppError FILE_TYPE_REFUSED, FILE_TOO_LARGE, FILES_FULL, UNAVAILABLE */
  async announce(ownerId: string, { name, size, type }: Announcement): Promise<AnnouncedFile> {
    const { store, blobs, clock, config } = this.deps;
    const allowed: readonly string[] = config.IM_FILES_TYPES;
    if (!allowed.includes(type)) throw new AppError("FILE_TYPE_REFUSED", undefined, { details: { allowed } });
    const max = (isImageType(type) ? Math.min(config.IM_FILES_IMAGE_MAX_MB, config.IM_FILES_MAX_MB) : config.IM_FILES_MAX_MB) * MB;
    if (size > max) throw new AppError("FILE_TOO_LARGE", undefined, { details: { max } });
    const id = newId("F");
    const now = clock.now();
    const ttlMs = config.IM_FILES_UPLOAD_S * 1000;
    const quota = config.IM_FILES_QUOTA_MB * MB;
    const file: FileRow = {
      id,
      ownerId,
      name,
      size,
      type,
      state: "announced",
      createdAt: now,
      expiresAt: now + UNSENT_MS,
      width: 0,
      height: 0,
    };
    if (!(await store.files.create(file, quota === 0 ? Number.MAX_SAFE_INTEGER : quota))) {
      throw new AppError("FILES_FULL", undefined, { details: { quota, used: await store.files.used(ownerId) } });
    }
    const { url, headers } = await blobs.signUpload(keysOf.upload(id), { size, type, ttlMs });
    return { id, uploadUrl: url, headers, uploadUntil: now + ttlMs };
  }

  /**
   * Says that the upload is done: what came is compared with what was announced, by size and by content. What does not fit is
   * thrown away, and may be uploaded again. Done twice it answers the same.
   * @throws AppError FILE_NOT_FOUND, FILE_NOT_UPLOADED, FILE_DAMAGED, FILE_TYPE_REFUSED, FILE_TOO_LARGE, UNAVAILABLE
   */
  async complete(ownerId: string, id: string): Promise<FileRow> {
    const { store, blobs, clock } = this.deps;
    const [file] = await store.files.get([id]);
    if (file?.ownerId !== ownerId || file.state === "going") throw new AppError("FILE_NOT_FOUND");
    if (file.state === "ready") return file;
    // First out of the uploader's reach, then looked at. Not there: an earlier try may have got as far as this.
    await blobs.move(keysOf.upload(id), keysOf.file(id));
    const info = await blobs.head(keysOf.file(id));
    if (!info) throw new AppError("FILE_NOT_UPLOADED");
    const found = await this.#inspect(file, info.size).catch(async (error: unknown) => {
      if (error instanceof AppError && error.code !== "UNAVAILABLE") await blobs.delete([keysOf.file(id)]);
      throw error;
    });
    await store.files.ready(id, { ...found, expiresAt: clock.now() + UNSENT_MS });
    const [ready] = await store.files.get([id]);
    if (ready?.state !== "ready") throw new AppError("FILE_NOT_FOUND");
    return ready;
  }

  async #inspect({ id, size, type }: FileRow, found: number): Promise<{ width: number; height: number }> {
    if (found !== size) throw new AppError("FILE_DAMAGED", undefined, { details: { announced: size, uploaded: found } });
    const head = await this.#read(id, { start: 0, end: Math.min(size, HEAD_BYTES) - 1 });
    if (!looksLike(type, head)) throw new AppError("FILE_TYPE_REFUSED", "the content is not of the type announced", { details: { type } });
    if (!isImageType(type)) return { width: 0, height: 0 };
    try {
      return await this.deps.images.measure(() => this.#read(id));
    } catch (error) {
      if (!(error instanceof ImageRefused)) throw error;
      if (error.why === "too-large") {
        const max_megapixels = this.deps.config.IM_FILES_IMAGE_MAX_MEGAPIXELS;
        throw new AppError("FILE_TOO_LARGE", "too many pixels", { cause: error, details: { max_megapixels } });
      }
      throw new AppError("FILE_DAMAGED", undefined, { cause: error });
    }
  }

  async #read(id: string, range?: { start: number; end: number }): Promise<Buffer> {
    const blob = await this.deps.blobs.get(keysOf.file(id), range);
    if (!blob) throw new AppError("FILE_NOT_UPLOADED");
    return buffer(blob.body);
  }
}
