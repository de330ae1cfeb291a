import type { Readable } from "node:stream";
import {
  CopyObjectCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
} from "@aws-sdk/client-s3";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";
import type { EngineDeps } from "../../host/index.js";
import {
  attachment,
  type Blob,
  type BlobInfo,
  type BlobRange,
  type Blobs,
  checkKey,
  type DownloadTerms,
  type SignedUpload,
  type UploadTerms,
} from "../port.js";
import { isAbsent, unavailable } from "./errors.js";
import { parseS3Url, type S3Address } from "./url.js";

const CONNECT_MS = 1_500;
/** Without a byte for this long a request has failed, ms. */
const SILENCE_MS = 10_000;
const ATTEMPTS = 3;
const PING_MS = 1_000;
const SOCKETS = 64;

const clientOf = ({ region, accessKeyId, secretAccessKey }: S3Address, endpoint: string): S3Client =>
  new S3Client({
    endpoint,
    region,
    credentials: { accessKeyId, secretAccessKey },
    // Every S3-compatible store knows this form; the other needs a name for each bucket.
    forcePathStyle: true,
    maxAttempts: ATTEMPTS,
    requestHandler: {
      connectionTimeout: CONNECT_MS,
      requestTimeout: SILENCE_MS,
      throwOnRequestTimeout: true,
      httpAgent: { maxSockets: SOCKETS, keepAlive: true },
      httpsAgent: { maxSockets: SOCKETS, keepAlive: true },
    },
    // A checksum in a signed URL would be that of an empty body.
    requestChecksumCalculation: "WHEN_REQUIRED",
    responseChecksumValidation: "WHEN_REQUIRED",
  });

const within1000 = (limit: number): number => Math.min(Math.max(limit, 1), 1_000);

/** Blobs in a bucket of an S3-compatible store, below the namespace. Clients talk to the store itself by signed URLs. */
export class S3Blobs implements Blobs {
  readonly engine = "s3";
  readonly door = undefined;
  readonly #client: S3Client;
  /** Signs under the address that clients use. */
  readonly #signer: S3Client;
  readonly #bucket: string;
  readonly #prefix: string;
  #closed = false;

  private constructor(address: S3Address, namespace: string) {
    this.#client = clientOf(address, address.endpoint);
    this.#signer = clientOf(address, address.publicEndpoint);
    this.#bucket = address.bucket;
    this.#prefix = `${namespace}/`;
  }

  /** @throws ConfigError for a wrong URL. Does not wait for the store. */
  static open(url: string, { namespace }: Pick<EngineDeps, "namespace">): S3Blobs {
    return new S3Blobs(parseS3Url(url), namespace);
  }

  async put(key: string, bytes: Uint8Array): Promise<void> {
    await this.#ask(() => this.#client.send(new PutObjectCommand({ ...this.#at(key), Body: bytes, ContentLength: bytes.length })));
  }

  async head(key: string): Promise<BlobInfo | undefined> {
    const found = await this.#find(() => this.#client.send(new HeadObjectCommand(this.#at(key))));
    return found && { key, size: found.ContentLength ?? 0, modifiedAt: found.LastModified?.getTime() ?? 0 };
  }

  async get(key: string, range?: BlobRange): Promise<Blob | undefined> {
    const part = range && { Range: `bytes=${range.start}-${range.end}` };
    const found = await this.#find(() => this.#client.send(new GetObjectCommand({ ...this.#at(key), ...part })));
    if (!found) return undefined;
    const whole = found.ContentRange?.split("/")[1];
    return { size: whole === undefined ? (found.ContentLength ?? 0) : Number(whole), body: found.Body as Readable };
  }

  async move(from: string, to: string): Promise<boolean> {
    const source = `${this.#bucket}/${this.#prefix}${checkKey(from)}`;
    const copied = await this.#find(() => this.#client.send(new CopyObjectCommand({ ...this.#at(to), CopySource: source })));
    if (!copied) return false;
    await this.#ask(() => this.#client.send(new DeleteObjectCommand(this.#at(from))));
    return true;
  }

  async delete(keys: readonly string[]): Promise<void> {
    if (keys.length === 0) return;
    const Objects = keys.map((key) => ({ Key: this.#at(key).Key }));
    const { Errors } = await this.#ask(() =>
      this.#client.send(new DeleteObjectsCommand({ Bucket: this.#bucket, Delete: { Objects, Quiet: true } })),
    );
    const [failed] = Errors ?? [];
    if (failed) throw unavailable({ name: failed.Code, message: failed.Message });
  }

  async list(prefix: string, { after, limit }: { after?: string | undefined; limit: number }): Promise<BlobInfo[]> {
    const { Contents } = await this.#ask(() =>
      this.#client.send(
        new ListObjectsV2Command({
          Bucket: this.#bucket,
          Prefix: this.#prefix + prefix,
          MaxKeys: within1000(limit),
          ...(after === undefined ? {} : { StartAfter: this.#prefix + after }),
        }),
      ),
    );
    return (Contents ?? []).map(({ Key, Size, LastModified }) => ({
      key: (Key ?? "").slice(this.#prefix.length),
      size: Size ?? 0,
      modifiedAt: LastModified?.getTime() ?? 0,
    }));
  }

  async signUpload(key: string, { size, type, ttlMs }: UploadTerms): Promise<SignedUpload> {
    const command = new PutObjectCommand({ ...this.#at(key), ContentLength: size, ContentType: type });
    const url = await this.#ask(() =>
      getSignedUrl(this.#signer, command, {
        expiresIn: Math.ceil(ttlMs / 1000),
        // Else the type would not be part of what is signed.
        signableHeaders: new Set(["host", "content-length", "content-type"]),
      }),
    );
    return { url, headers: { "content-type": type } };
  }

  signDownload(key: string, { type, name, ttlMs }: DownloadTerms): Promise<string> {
    const command = new GetObjectCommand({
      ...this.#at(key),
      ResponseContentType: type,
      ResponseContentDisposition: attachment(name),
      ResponseCacheControl: "private, no-store",
    });
    return this.#ask(() => getSignedUrl(this.#signer, command, { expiresIn: Math.ceil(ttlMs / 1000) }));
  }

  async ping(): Promise<void> {
    const abortSignal = AbortSignal.timeout(PING_MS);
    await this.#ask(() => this.#client.send(new HeadBucketCommand({ Bucket: this.#bucket }), { abortSignal }));
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#client.destroy();
    this.#signer.destroy();
  }

  #at(key: string): { Bucket: string; Key: string } {
    return { Bucket: this.#bucket, Key: this.#prefix + checkKey(key) };
  }

  /** What the store answers. @throws AppError UNAVAILABLE */
  async #ask<T>(work: () => Promise<T>): Promise<T> {
    if (this.#closed) throw unavailable(new Error("closed"));
    try {
      return await work();
    } catch (error) {
      throw error instanceof RangeError ? error : unavailable(error);
    }
  }

  /** The same; undefined when there is no such blob. */
  async #find<T>(work: () => Promise<T>): Promise<T | undefined> {
    return this.#ask(() =>
      work().catch((error: unknown) => {
        if (isAbsent(error)) return undefined;
        throw error;
      }),
    );
  }
}
