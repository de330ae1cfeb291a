import { join } from "node:path";
import { AppError, type Clock } from "@dunlin/runtime";
import type { EngineDeps } from "../../host/index.js";
import {
  BLOB_DOOR,
  type Blob,
  type BlobInfo,
  type BlobRange,
  type Blobs,
  checkKey,
  type DownloadTerms,
  type SignedUpload,
  type UploadTerms,
} from "../port.js";
import { FolderDoor } from "./door.js";
import { BlobFiles } from "./files.js";
import { BlobTokens } from "./tokens.js";

/** Blobs as files below the data folder; apisvc serves the signed URLs. Several processes may share the folder. */
export class FolderBlobs implements Blobs {
  readonly engine = "folder";
  readonly door: FolderDoor;
  #closed = false;

  private constructor(
    private readonly files: BlobFiles,
    private readonly tokens: BlobTokens,
    private readonly clock: Pick<Clock, "now">,
  ) {
    this.door = new FolderDoor(files, tokens);
  }

  static async open({ dataDir, clock }: Pick<EngineDeps, "dataDir" | "clock">): Promise<FolderBlobs> {
    const folder = join(dataDir, "blobs");
    const tokens = await BlobTokens.open(folder, clock);
    const files = new BlobFiles(folder);
    await files.prepare(Date.now());
    return new FolderBlobs(files, tokens, clock);
  }

  async put(key: string, bytes: Uint8Array): Promise<void> {
    await this.files.write(this.#checked(key), [bytes]);
  }

  async head(key: string): Promise<BlobInfo | undefined> {
    return this.files.info(this.#checked(key));
  }

  async get(key: string, range?: BlobRange): Promise<Blob | undefined> {
    const info = await this.files.info(this.#checked(key));
    return info && { size: info.size, body: this.files.read(key, range) };
  }

  async move(from: string, to: string): Promise<boolean> {
    return this.files.move(this.#checked(from), this.#checked(to));
  }

  async delete(keys: readonly string[]): Promise<void> {
    for (const key of keys.map((one) => this.#checked(one))) await this.files.remove(key);
  }

  async list(prefix: string, { after, limit }: { after?: string | undefined; limit: number }): Promise<BlobInfo[]> {
    this.#open();
    const found: BlobInfo[] = [];
    for await (const key of this.files.keys(prefix, after ?? "")) {
      // One that was removed meanwhile is not listed.
      const info = await this.files.info(key);
      if (info) found.push(info);
      if (found.length >= limit) break;
    }
    return found;
  }

  async signUpload(key: string, { size, type, ttlMs }: UploadTerms): Promise<SignedUpload> {
    const token = this.tokens.sign({ op: "put", key: this.#checked(key), until: this.clock.now() + ttlMs, size, type });
    return { url: `${BLOB_DOOR}${token}`, headers: { "content-type": type } };
  }

  async signDownload(key: string, { type, name, ttlMs }: DownloadTerms): Promise<string> {
    return `${BLOB_DOOR}${this.tokens.sign({ op: "get", key: this.#checked(key), until: this.clock.now() + ttlMs, type, name })}`;
  }

  async ping(): Promise<void> {
    this.#open();
    await this.files.ping();
  }

  async close(): Promise<void> {
    this.#closed = true;
  }

  #open(): void {
    if (this.#closed) throw new AppError("UNAVAILABLE", "the blobs are closed");
  }

  #checked(key: string): string {
    this.#open();
    return checkKey(key);
  }
}
