import { type ConfigOf, option } from "@dunlin/runtime";

export const mailOptions = {
  IM_SMTP_URL: option.optionalUrl(
    "Mail server, smtp://[user:password@]host:port (STARTTLS when it offers it) or smtps://… Unset: e-mails are only written to the log.",
    ["smtp", "smtps"],
    { secret: true },
  ),
  IM_SMTP_FROM: option.text("Sender of e-mails, an address or Name <address>.", "Dunlin <no-reply@localhost>"),
} as const;

export type MailConfig = ConfigOf<typeof mailOptions>;
