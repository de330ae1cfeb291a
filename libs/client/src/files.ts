import type { Http } from "./http.js";

/** A file that was uploaded and checked. Sent within an hour, it stays. */
export interface UploadedFile {
  id: string;
  name: string;
  /** Bytes. */
  size: number;
  type: string;
  /** Of an image, pixels. */
  width?: number;
  height?: number;
  /** ms since 1970 */
  created_at: number;
}

/** Where to PUT a file's bytes. */
export interface FileUpload {
  id: string;
  upload_url: string;
  headers: Record<string, string>;
  /** The upload must have begun by then, ms. */
  upload_until: number;
}

export class Files {
  constructor(private readonly http: Http) {}

  /** Uploads a file: announced, sent, checked. Send its id in a message within an hour. @throws DunlinError */
  async upload(name: string, data: Blob): Promise<UploadedFile> {
    const { id, upload_url, headers } = await this.create({ name, size: data.size, type: data.type });
    await this.http.upload(upload_url, headers, data);
    return this.complete(id);
  }

  /** Announces a file. @throws DunlinError 871 for its type, 872 for its size */
  create(file: { name: string; size: number; type: string }): Promise<FileUpload> {
    return this.http.request("POST", "/v1/files", { body: file, repeatable: true });
  }

  /** Says that the bytes are up. @throws DunlinError 871, 872, 874 when they are not what was announced */
  complete(id: string): Promise<UploadedFile> {
    return this.http.request("POST", `${filePath(id)}/complete`, { repeatable: true });
  }

  /** A file's bytes as they come, or those from `start` up to and including `end`. @throws DunlinError 870 */
  download(id: string, range?: { start: number; end?: number }): Promise<Response> {
    return this.http.content(filePath(id), range ? { headers: { range: `bytes=${range.start}-${range.end ?? ""}` } } : {});
  }

  /** An image made small, as WebP. @throws DunlinError 870, 871 for what is no image */
  async thumbnail(id: string, size: 128 | 320 | 640): Promise<Blob> {
    return (await this.http.content(`${filePath(id)}/thumbnail`, { query: { size } })).blob();
  }
}

const filePath = (id: string): string => `/v1/files/${encodeURIComponent(id)}`;
