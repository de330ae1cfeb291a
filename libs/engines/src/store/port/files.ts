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
  /** Unless a message carries it then, or it is a picture of somebody, it goes after this time; null: it is used. */
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

/** A file is the picture of a user, a group or a supergroup. */
export interface AvatarRef {
  readonly fileId: string;
  readonly holder: string;
}

/**
 * Something that showed a file no longer does. Unless anything does at `expiresAt`, it goes; so much later when it was held
 * for longer than up to `heldUntil`, i.e. by something else.
 */
export interface FreedFile {
  readonly fileId: string;
  readonly expiresAt: number;
  readonly heldUntil: number;
}

export interface Files {
  /** False, and nothing is created, when its owner's files would take more than `quota` bytes together. */
  create(file: FileRow, quota?: number): Promise<boolean>;
  /** Bytes that a user's files take, those included that may still be uploaded. */
  used(ownerId: string): Promise<number>;
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
   * where the user joined in groups; not those that the user has deleted, alone or with the dialog. At most `limit`.
   */
  refs(fileId: string, userId: string, limit: number): Promise<FileRef[]>;
  /** Whose picture a file is, at most `limit`, ordered by id. */
  holders(fileId: string, limit: number): Promise<string[]>;
  /**
   * Takes stock of files whose time was over at `now`, at most `limit`: those that a message carries or somebody shows stay for good, the others
   * become "going". @returns all that are going, `settled`: how many stay.
   */
  expire(now: number, limit: number): Promise<{ readonly going: string[]; readonly settled: number }>;
  /** Removes the rows of files that are going. @returns how many went. */
  remove(ids: readonly string[]): Promise<number>;
}
