import { backoffMs, type Logger, sleep } from "@dunlin/runtime";
import { createTransport } from "nodemailer";
import type { Mail, Mailer } from "./port.js";

const WAITING_MAX = 1_000;
const TRIES = 3;
const CONNECTIONS = 4;
const TIMEOUT_MS = 10_000;
const CLOSE_MS = 5_000;

/** E-mail through an SMTP server, over a few connections that are kept. */
export class SmtpMailer implements Mailer {
  readonly engine = "smtp";
  readonly #transport;
  readonly #underWay = new Set<Promise<void>>();
  readonly #closing = new AbortController();
  #closed: Promise<void> | undefined;

  constructor(
    url: string,
    private readonly from: string,
    private readonly logger: Logger,
  ) {
    const { protocol, hostname, port, username, password } = new URL(url);
    const secure = protocol === "smtps:";
    this.#transport = createTransport({
      pool: true,
      maxConnections: CONNECTIONS,
      host: hostname,
      port: Number(port) || (secure ? 465 : 587),
      secure,
      ...(username === "" ? {} : { auth: { user: decodeURIComponent(username), pass: decodeURIComponent(password) } }),
      connectionTimeout: TIMEOUT_MS,
      greetingTimeout: TIMEOUT_MS,
      socketTimeout: TIMEOUT_MS,
      disableFileAccess: true,
      disableUrlAccess: true,
    });
  }

  get full(): boolean {
    return this.#underWay.size >= WAITING_MAX;
  }

  post(mail: Mail): void {
    if (this.full || this.#closed !== undefined) {
      this.logger.error("an e-mail was given up: too many are waiting, or this process is ending");
      return;
    }
    const sending = this.#send(mail).finally(() => this.#underWay.delete(sending));
    this.#underWay.add(sending);
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    const waiting = new AbortController();
    await Promise.race([Promise.all(this.#underWay), sleep(CLOSE_MS, waiting.signal)]);
    waiting.abort();
    this.#closing.abort();
    this.#transport.close();
  }

  /** Never rejects. */
  async #send({ to, subject, text }: Mail): Promise<void> {
    // Whoever posted it is answered first.
    await new Promise((resolve) => setImmediate(resolve));
    for (let tried = 1; ; tried++) {
      try {
        await this.#transport.sendMail({ from: this.from, to: { name: "", address: to }, subject, text });
        return;
      } catch (error) {
        // What the server refuses for good (5xx) it refuses again.
        const refused = Number((error as { responseCode?: unknown }).responseCode) >= 500;
        if (refused || tried >= TRIES || this.#closing.signal.aborted) {
          const { code, responseCode } = error as { code?: unknown; responseCode?: unknown };
          this.logger.error({ code, responseCode, tried }, "an e-mail was given up");
          return;
        }
      }
      await sleep(500 + backoffMs(tried, 500, 4_000), this.#closing.signal);
    }
  }
}
