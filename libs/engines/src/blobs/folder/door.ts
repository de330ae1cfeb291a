import type { Readable } from "node:stream";
import { AppError } from "@dunlin/runtime";
import type { Blob, BlobDoor, DownloadTerms, Incoming } from "../port.js";
import type { BlobFiles } from "./files.js";
import type { BlobTokens } from "./tokens.js";

/** Passes an upload on as it comes. @throws AppError TOO_LARGE as soon as it is longer than signed for, BAD_REQUEST when it ends short */
async function* bounded(body: Readable, size: number): AsyncGenerator<Uint8Array> {
  let length = 0;
  try {
    for await (const chunk of body) {
      length += (chunk as Uint8Array).length;
      if (length > size) break;
      yield chunk as Uint8Array;
    }
  } catch (cause) {
    throw new AppError("BAD_REQUEST", "the upload broke off", { cause });
  }
  if (length > size) throw new AppError("TOO_LARGE", undefined, { details: { max: size } });
  if (length < size) throw new AppError("BAD_REQUEST", "the upload ended early", { details: { size, received: length } });
}

/** Serves the folder's signed URLs. */
export class FolderDoor implements BlobDoor {
  constructor(
    private readonly files: BlobFiles,
    private readonly tokens: BlobTokens,
  ) {}

  async receive(token: string, { length, type, body }: Incoming): Promise<void> {
    const permission = this.tokens.verify(token, "put");
    if (type !== permission.type) throw new AppError("BAD_REQUEST", "another content type than was signed for");
    if (length !== undefined && length !== permission.size) {
      if (length > permission.size) throw new AppError("TOO_LARGE", undefined, { details: { max: permission.size } });
      throw new AppError("BAD_REQUEST", "another length than was signed for");
    }
    await this.files.write(permission.key, bounded(body, permission.size));
  }

  async open(token: string): Promise<Blob & Pick<DownloadTerms, "type" | "name">> {
    const { key, type, name } = this.tokens.verify(token, "get");
    const info = await this.files.info(key);
    if (!info) throw new AppError("NOT_FOUND");
    return { type, name, size: info.size, body: this.files.read(key) };
  }
}
