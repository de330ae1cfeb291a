import type { Logger } from "@dunlin/runtime";
import type { Mail, Mailer } from "./port.js";

/** Writes e-mails to the log instead of sending them, text and all: for a laptop, where nobody else reads it. */
export class LogMailer implements Mailer {
  readonly engine = "log";
  readonly full = false;

  constructor(private readonly logger: Logger) {}

  post({ to, subject, text }: Mail): void {
    this.logger.info({ mail: { to, subject, text } }, "E-MAIL NOT SENT, only written here: IM_SMTP_URL is not set");
  }

  async close(): Promise<void> {}
}
