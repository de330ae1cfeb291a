/** What the engine asks of its worker, one at a time each answered; buffers are transferred, not copied. */
export type LogRequest =
  | { readonly kind: "topics"; readonly topics: readonly { readonly name: string; readonly partitions: number }[] }
  | { readonly kind: "commit"; readonly frame: ArrayBuffer | undefined; readonly length: number; readonly offsets: readonly GroupOffset[] }
  | { readonly kind: "read"; readonly partitionId: number; readonly from: number; readonly limit: number; readonly maxBytes: number }
  | { readonly kind: "trim"; readonly before: readonly TrimLimit[] }
  | { readonly kind: "ping" }
  | { readonly kind: "close" };

export interface GroupOffset {
  readonly group: string;
  readonly partitionId: number;
  readonly offset: number;
}

/** Records of this partition below `offset` may go if they are older than `olderThan`, ms since 1970. */
export interface TrimLimit {
  readonly partitionId: number;
  readonly offset: number;
  readonly olderThan: number;
}

export interface StoredPartition {
  readonly partitionId: number;
  readonly partition: number;
  readonly first: number;
  readonly end: number;
}

export interface StoredTopic {
  readonly name: string;
  readonly partitions: readonly StoredPartition[];
}

/** What the file holds, told once at opening. */
export interface LogState {
  readonly topics: readonly StoredTopic[];
  readonly offsets: readonly GroupOffset[];
  readonly bytes: number;
}

export interface TrimResult {
  /** Partitions whose first record changed, and which it is now. */
  readonly firsts: readonly { readonly partitionId: number; readonly offset: number }[];
  /** Whether there is more to trim. */
  readonly more: boolean;
}

export interface LogAnswers {
  readonly topics: readonly StoredTopic[];
  readonly commit: undefined;
  readonly read: Uint8Array;
  readonly trim: TrimResult;
  readonly ping: undefined;
  readonly close: undefined;
}

export type LogReply =
  | { readonly id: number; readonly ok: true; readonly answer: LogAnswers[keyof LogAnswers]; readonly bytes: number }
  | { readonly id: number; readonly ok: false; readonly message: string };

/** What the worker is started with. */
export interface LogWorkerData {
  readonly file: string;
  /** See exit-guard.ts. */
  readonly flags: SharedArrayBuffer;
}

/** The first message of the worker: the file is open, or why not. */
export type LogHello = { readonly ready: true; readonly state: LogState } | { readonly ready: false; readonly message: string };
