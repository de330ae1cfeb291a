/** An e-mail in plain text. */
export interface Mail {
  /** One address, already checked. */
  readonly to: string;
  readonly subject: string;
  readonly text: string;
}

/**
 * Sends e-mail.
 *
 * Guarantees every engine gives:
 * - `post` returns at once and never throws: what becomes of a mail is not the caller's to wait for, and the time a call
 *   takes tells nobody whether there was a mail to send.
 * - A mail is tried three times over some seconds, then given up with a line in the log that does not show its text.
 * - At most 1,000 mails wait; `full` says so beforehand, and what is posted nevertheless is given up.
 */
export interface Mailer {
  readonly engine: "log" | "smtp";
  readonly full: boolean;
  post(mail: Mail): void;
  /** Lets mails under way go out for at most five seconds. Idempotent. */
  close(): Promise<void>;
}
