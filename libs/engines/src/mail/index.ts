import type { EngineDeps } from "../host/index.js";
import type { MailConfig } from "./config.js";
import { LogMailer } from "./log.js";
import type { Mailer } from "./port.js";
import { SmtpMailer } from "./smtp.js";

export * from "./config.js";
export * from "./port.js";

/** The log, or a mail server when its URL is set. Opening does not wait for the server. */
export const openMailer = (config: MailConfig, { logger }: Pick<EngineDeps, "logger">): Mailer =>
  config.IM_SMTP_URL === undefined ? new LogMailer(logger) : new SmtpMailer(config.IM_SMTP_URL, config.IM_SMTP_FROM, logger);
