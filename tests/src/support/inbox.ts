import type { AddressInfo } from "node:net";
import { SMTPServer } from "smtp-server";
import { eventually } from "./eventually.js";

export interface ReceivedMail {
  readonly from: string;
  readonly to: string;
  /** The head as it came. */
  readonly head: string;
  /** The body, decoded. */
  readonly text: string;
}

const decodeBody = (head: string, body: string): string => {
  const encoding = /^content-transfer-encoding:\s*(\S+)/im.exec(head)?.[1]?.toLowerCase();
  if (encoding === "base64") return Buffer.from(body, "base64").toString("utf8");
  if (encoding !== "quoted-printable") return body;
  const bytes = body
    .replaceAll("=\r\n", "")
    .replaceAll(/=([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return Buffer.from(bytes, "latin1").toString("utf8");
};

/** A mail server of a test's own that keeps what it is sent. */
export class Inbox {
  readonly mails: ReceivedMail[] = [];
  /** Mails that are refused with 451, "try later", before one is taken. */
  busy = 0;
  readonly #server: SMTPServer;

  private constructor() {
    this.#server = new SMTPServer({
      authOptional: true,
      disabledCommands: ["STARTTLS", "AUTH"],
      logger: false,
      onData: (stream, session, done) => {
        const chunks: Buffer[] = [];
        stream.on("data", (chunk: Buffer) => chunks.push(chunk));
        stream.on("end", () => {
          if (this.busy > 0) {
            this.busy -= 1;
            done(Object.assign(new Error("try later"), { responseCode: 451 }));
            return;
          }
          const raw = Buffer.concat(chunks).toString("utf8");
          const cut = raw.indexOf("\r\n\r\n");
          const head = raw.slice(0, cut);
          const { mailFrom, rcptTo } = session.envelope;
          this.mails.push({
            from: mailFrom === false ? "" : (mailFrom?.address ?? ""),
            to: rcptTo.map((to) => to.address).join(","),
            head,
            text: decodeBody(head, raw.slice(cut + 4)),
          });
          done();
        });
      },
    });
    this.#server.on("error", () => undefined);
  }

  static async open(): Promise<Inbox> {
    const inbox = new Inbox();
    await new Promise<void>((resolve) => inbox.#server.listen(0, "127.0.0.1", () => resolve()));
    return inbox;
  }

  get url(): string {
    return `smtp://127.0.0.1:${(this.#server.server.address() as AddressInfo).port}`;
  }

  /** The n-th mail to an address, once it is there. */
  mailTo(address: string, n = 1): Promise<ReceivedMail> {
    return eventually(`mail ${n} to ${address}`, () => this.mails.filter(({ to }) => to === address)[n - 1]);
  }

  /** The code in the n-th mail to an address. */
  async codeTo(address: string, n = 1): Promise<string> {
    const { text } = await this.mailTo(address, n);
    const [code] = /\b\d{6}\b/.exec(text) ?? [];
    if (code === undefined) throw new Error(`no code in ${text}`);
    return code;
  }

  close(): Promise<void> {
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }
}
