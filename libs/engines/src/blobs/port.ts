import type { Readable } from "node:stream";

/**
 * Bytes under keys, for what is too large for the store. What a blob means, its type and whose it is, the store knows.
 *
 * Guarantees every engine gives:
 * - A blob is there wholly or not at all: an upload that breaks off leaves nothing under its key.
 * - A write that resolved is found by every later read.
 * - It rejects with AppError UNAVAILABLE when the engine cannot be reached or refuses to serve.
 *
 * A key is 1 to 8 parts of letters, digits, "_", "-" and "." joined by "/", no part beginning with ".", 512 characters at
 * most. No key may be the beginning of another's path ("a" and "a/b"). @throws RangeError for any other: it is a mistake of
 * the caller, never input of a client.
 */
export interface Blobs {
  readonly engine: "folder" | "s3";
  /** Stores a small blob, replacing what was there. Large ones are uploaded under a signed URL. */
  put(key: string, bytes: Uint8Array): Promise<void>;
  /** Undefined when there is none. */
  head(key: string): Promise<BlobInfo | undefined>;
  /** A blob, or the part of it that `range` names. Undefined when there is none. The caller reads the body or destroys it. */
  get(key: string, range?: BlobRange): Promise<Blob | undefined>;
  /** Gives a blob another key, replacing what was there; nothing changes it under the new key. False when there is none. */
  move(from: string, to: string): Promise<boolean>;
  /** Removes at most 1,000 blobs; those that are not there are no error. */
  delete(keys: readonly string[]): Promise<void>;
  /** Blobs whose key begins with `prefix`, ascending bytewise, those after the key `after`, 1 to 1,000. */
  list(prefix: string, page: { readonly after?: string | undefined; readonly limit: number }): Promise<BlobInfo[]>;
  /** A URL that takes one blob of exactly this size and content type by PUT, with the headers given. */
  signUpload(key: string, upload: UploadTerms): Promise<SignedUpload>;
  /** A URL to GET the blob from, which answers the type given, as an attachment. */
  signDownload(key: string, download: DownloadTerms): Promise<string>;
  /** Where the engine's signed URLs lead to apisvc itself, what it does with them; undefined where a server of its own takes them. */
  readonly door: BlobDoor | undefined;
  /** Rejects when the engine cannot be reached within a second. */
  ping(): Promise<void>;
  close(): Promise<void>;
}

export interface BlobInfo {
  readonly key: string;
  readonly size: number;
  /** ms since 1970 */
  readonly modifiedAt: number;
}

/** Bytes from `start` up to and including `end`, counted from 0. Must lie within the blob. */
export interface BlobRange {
  readonly start: number;
  readonly end: number;
}

export interface Blob {
  /** Of the whole blob, bytes. */
  readonly size: number;
  readonly body: Readable;
}

export interface UploadTerms {
  readonly size: number;
  readonly type: string;
  /** How long the URL is good for beginning an upload, ms. */
  readonly ttlMs: number;
}

/** `url` is absolute, or a path on apisvc where the engine has a door. */
export interface SignedUpload {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
}

export interface DownloadTerms {
  readonly type: string;
  /** For people; any Unicode. */
  readonly name: string;
  readonly ttlMs: number;
}

/** What came with an upload. */
export interface Incoming {
  /** Content-Length; undefined when it was not said. */
  readonly length: number | undefined;
  readonly type: string | undefined;
  readonly body: Readable;
}

/** Serves the signed URLs of an engine that has no server: `BLOB_DOOR` and the token behind it. */
export interface BlobDoor {
  /**
   * Takes an upload, as it comes, never the whole of it in memory.
   * @throws AppError FORBIDDEN when the token is not one or has expired, BAD_REQUEST or TOO_LARGE when length or type are not
   * the ones signed for or it breaks off, UNAVAILABLE
   */
  receive(token: string, incoming: Incoming): Promise<void>;
  /** @throws AppError FORBIDDEN, NOT_FOUND, UNAVAILABLE */
  open(token: string): Promise<Blob & Pick<DownloadTerms, "type" | "name">>;
}

/** Path on apisvc under which a door's tokens stand. */
export const BLOB_DOOR = "/v1/blobs/";

const PART = /^[A-Za-z0-9_-][A-Za-z0-9_.-]*$/;
const KEY_CHARS_MAX = 512;
const PARTS_MAX = 8;

/** @throws RangeError when it is no key */
export const checkKey = (key: string): string => {
  const parts = key.split("/");
  if (key.length > KEY_CHARS_MAX || parts.length > PARTS_MAX || !parts.every((part) => PART.test(part))) {
    throw new RangeError("not a key of a blob");
  }
  return key;
};

/** `attachment` with the name in both forms of RFC 6266: ASCII for old readers, UTF-8 for all others. */
export const attachment = (name: string): string => {
  const ascii = name.replaceAll(/[^\x20-\x7e]|["\\%]/g, "_");
  // A lone surrogate has no UTF-8; through bytes it becomes the replacement character.
  const encoded = encodeURIComponent(Buffer.from(name).toString()).replaceAll(
    /['()*]/g,
    (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return `attachment; filename="${ascii}"; filename*=UTF-8''${encoded}`;
};
