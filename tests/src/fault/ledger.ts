import { createHash } from "node:crypto";
import { createWriteStream, type WriteStream } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";

/** ok: answered 202. fail: refused for good (4xx). unknown: time-out, reset, 5xx: the message may or may not be there. */
export type SendOutcome = "ok" | "fail" | "unknown";

/** One send: the call that first named this client_msg_id, and what its last try came to. */
export interface SendRow {
  readonly clientMsgId: string;
  /** The conversation, by the name this driver gives it (its peer or its pair). */
  readonly conversation: string;
  readonly sender: string;
  /** This sender's running number. */
  readonly n: number;
  readonly payloadHash: string;
  /** ms since 1970 */
  readonly tInvoke: number;
  tDone: number;
  outcome: SendOutcome;
  id: string;
}

/** A message shown to a device, in the order of showing. */
export interface ReceiptRow {
  readonly device: string;
  readonly user: string;
  readonly clientMsgId: string;
  readonly id: string;
  readonly conversation: string;
  readonly seq: number;
  readonly pts: number;
  readonly from: string;
  readonly payloadHash: string;
  readonly via: "ws" | "pull";
  readonly t: number;
}

export const hashOf = (payload: unknown): string => createHash("sha256").update(JSON.stringify(payload)).digest("hex").slice(0, 16);

/** The driver's append-only record of what it was answered and shown; the system under test never touches it. */
export class Ledger {
  readonly sends = new Map<string, SendRow>();
  readonly receipts: ReceiptRow[] = [];
  /** What broke a rule at the moment it happened (the rest is found by the checks afterwards). */
  readonly violations: string[] = [];
  readonly #files: { sends: WriteStream; receipts: WriteStream };

  private constructor(readonly dir: string) {
    this.#files = {
      sends: createWriteStream(join(dir, "sends.jsonl"), { flags: "a" }),
      receipts: createWriteStream(join(dir, "receipts.jsonl"), { flags: "a" }),
    };
  }

  static async open(dir: string): Promise<Ledger> {
    await mkdir(dir, { recursive: true });
    return new Ledger(dir);
  }

  begin(row: SendRow): void {
    this.sends.set(row.clientMsgId, row);
  }

  /** Writes a send's row once its outcome is final. */
  end(row: SendRow): void {
    this.#files.sends.write(`${JSON.stringify(row)}\n`);
  }

  receipt(row: ReceiptRow): void {
    this.receipts.push(row);
    this.#files.receipts.write(`${JSON.stringify(row)}\n`);
  }

  violation(text: string): void {
    this.violations.push(text);
  }

  /** Sends answered ok within a span of time, ms since 1970. */
  okBetween(from: number, to: number): number {
    let count = 0;
    for (const row of this.sends.values()) if (row.outcome === "ok" && row.tDone >= from && row.tDone <= to) count += 1;
    return count;
  }

  async close(): Promise<void> {
    await Promise.all(Object.values(this.#files).map((file) => new Promise<void>((resolve) => file.end(() => resolve()))));
  }
}
