import { randomInt } from "node:crypto";
import type { Mailer } from "@dunlin/engines/mail";
import type { CodePurpose } from "@dunlin/engines/store";
import { AppError, type Clock } from "@dunlin/runtime";
import { alreadyRegisteredMail, codeMail, type MailLanguage } from "./email-texts.js";
import type { RequestStore } from "./guarded-store.js";
import type { Tokens } from "./tokens.js";

/** A code is good for so long, minutes. */
const GOOD_MIN = 10;
const WRONG_TRIES_MAX = 5;
const CODES = 1_000_000;

export interface EmailCodesDeps {
  readonly store: Pick<RequestStore, "users" | "emailCodes">;
  readonly mailer: Pick<Mailer, "full" | "post">;
  readonly tokens: Pick<Tokens, "codeHash">;
  readonly clock: Pick<Clock, "now">;
}

/** Codes that show an e-mail address to be somebody's. Addresses are given in small letters. */
export class EmailCodes {
  /** Seconds a code is good for. */
  readonly goodForS = GOOD_MIN * 60;

  constructor(private readonly deps: EmailCodesDeps) {}

  /**
   * Sends a code, in place of one sent before. Whether the address has an account shows neither in what this does for its
   * caller nor in how long it takes: only the owner of the address learns it, from the e-mail or from its absence.
   * @throws AppError UNAVAILABLE
   */
  async request(email: string, purpose: CodePurpose, language: MailLanguage): Promise<void> {
    const { store, mailer, tokens, clock } = this.deps;
    if (mailer.full) throw new AppError("UNAVAILABLE", "too many e-mails are waiting", { retryAfterS: 10 });
    const code = randomInt(CODES).toString().padStart(6, "0");
    const user = await store.users.byEmail(email);
    await store.emailCodes.put({
      email,
      purpose,
      hash: tokens.codeHash(email, purpose, code),
      expiresAt: clock.now() + GOOD_MIN * 60_000,
    });
    if (purpose === "reset" && !user) return;
    const mail = purpose === "register" && user ? alreadyRegisteredMail(language) : codeMail(purpose, language, code, GOOD_MIN);
    mailer.post({ to: email, ...mail });
  }

  /** Uses a code up. @throws AppError CODE_WRONG for a wrong, used or expired one, or after five wrong ones */
  async use(email: string, purpose: CodePurpose, code: string): Promise<void> {
    const { store, tokens, clock } = this.deps;
    const hash = tokens.codeHash(email, purpose, code);
    if (!(await store.emailCodes.use(email, purpose, hash, clock.now(), WRONG_TRIES_MAX))) throw new AppError("CODE_WRONG");
  }
}
