import type { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import type { BlobRange } from "@dunlin/engines/blobs";
import { ImageRefused } from "@dunlin/engines/images";
import type { FileRow } from "@dunlin/engines/store";
import { AppError } from "@dunlin/runtime";
import type { Avatars } from "./avatars.js";
import { keysOf, type ThumbnailSide } from "./keys.js";
import { readableFile } from "./reading.js";
import { isImageType } from "./types.js";
import type { FilesDeps } from "./uploads.js";

/** A redirect is followed at once, ms. */
const REDIRECT_MS = 60_000;

/** Files on their way out, to those who may read them. */
export class Downloads {
  /** Thumbnails being made: who asks meanwhile waits for the same one. */
  readonly #making = new Map<string, Promise<Buffer>>();

  constructor(
    private readonly deps: FilesDeps,
    private readonly avatars: Pick<Avatars, "shows">,
  ) {}

  /** A file that the user owns, or is shown: in a message, or as a picture. @throws AppError FILE_NOT_FOUND, UNAVAILABLE */
  find(userId: string, id: string): Promise<FileRow> {
    return readableFile(this.deps.store, userId, id, () => this.avatars.shows(userId, id));
  }

  /** @throws AppError FILE_NOT_FOUND, UNAVAILABLE */
  async open(file: FileRow, range?: BlobRange): Promise<Readable> {
    const blob = await this.deps.blobs.get(keysOf.file(file.id), range);
    if (!blob) throw new AppError("FILE_NOT_FOUND");
    return blob.body;
  }

  /** Where the blob store itself gives the file out. */
  signed({ id, type, name }: FileRow): Promise<string> {
    return this.deps.blobs.signDownload(keysOf.file(id), { type, name, ttlMs: REDIRECT_MS });
  }

  /** A WebP picture; made once, then kept. @throws AppError FILE_TYPE_REFUSED for what is no image, FILE_DAMAGED, UNAVAILABLE */
  async thumbnail(file: FileRow, side: ThumbnailSide): Promise<Buffer> {
    if (!isImageType(file.type)) throw new AppError("FILE_TYPE_REFUSED", "only images have thumbnails");
    const key = keysOf.thumbnail(file.id, side);
    const kept = await this.deps.blobs.get(key);
    if (kept) return buffer(kept.body);
    let making = this.#making.get(key);
    if (!making) {
      making = this.#make(file, key, side).finally(() => this.#making.delete(key));
      this.#making.set(key, making);
    }
    return making;
  }

  async #make(file: FileRow, key: string, side: ThumbnailSide): Promise<Buffer> {
    const { blobs, images } = this.deps;
    try {
      const picture = Buffer.from(await images.thumbnail(async () => buffer(await this.open(file)), side));
      await blobs.put(key, picture);
      return picture;
    } catch (error) {
      if (error instanceof ImageRefused) throw new AppError("FILE_DAMAGED", undefined, { cause: error });
      throw error;
    }
  }
}
