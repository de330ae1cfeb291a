/**
 * announced: it may be uploaded; ready: it was, and is what was announced; going: nobody sent it in time, its blobs are being
 * removed and its row after them.
 */
export type FileState = "announced" | "ready" | "going";

export interface FileRow {
  readonly id: string;
  readonly ownerId: string;
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  readonly type: string;
  readonly state: FileState;
  readonly createdAt: number;
  /** Unless a message carries it then, it goes after this time; null: one carries it. */
  readonly expiresAt: number | null;
  /** Of an image, pixels; else 0. */
  readonly width: number;
  readonly height: number;
}

/** A message that carries a file. */
export interface FileRef {
  readonly fileId: string;
  readonly messageId: string;
  readonly conversationId: string;
  readonly seq: number;
}

export interface Files {
  create(file: FileRow): Promise<void>;
  get(ids: readonly string[]): Promise<FileRow[]>;
  /** An announced file is there as announced. False when it was not announced, is ready already, or has gone. */
  ready(id: string, found: { readonly width: number; readonly height: number; readonly expiresAt: number }): Promise<boolean>;
  /**
   * A message with these files is accepted: until `expiresAt` they stay, stored or not.
   * @returns those that are ready, and so will stay.
   */
  hold(ids: readonly string[], expiresAt: number): Promise<string[]>;
  /**
   * The newest messages with this file that the user may read: in the user's 1:1 and system conversations, and behind the place
   * where the user joined in groups. At most `limit`.
   */
  refs(fileId: string, userId: string, limit: number): Promise<FileRef[]>;
  /**
   * Takes stock of files whose time was over at `now`, at most `limit`: those that a message carries stay for good, the others
   * become "going". @returns all that are going, `settled`: how many stay.
   */
  expire(now: number, limit: number): Promise<{ readonly going: string[]; readonly settled: number }>;
  /** Removes the rows of files that are going. @returns how many went. */
  remove(ids: readonly string[]): Promise<number>;
}
