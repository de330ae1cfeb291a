import { DunlinError } from "./errors.js";
import type { Http, TokenSource } from "./http.js";
import type { User } from "./users.js";

export interface Tokens {
  access: string;
  refresh: string;
  /** When the access token expires, ms since 1970 by this machine's clock. */
  expires_at: number;
}

export interface Credentials {
  account: string;
  password: string;
  device_id: string;
  platform: string;
}

/** What a code in an e-mail is for. */
export type CodePurpose = "register" | "reset";

interface TokenAnswer {
  user: User;
  access_token: string;
  refresh_token: string;
  /** Seconds. */
  expires_in: number;
}

/** Login and the tokens it gives. A refresh token is good once, so there is never more than one refresh under way. */
export class Auth implements TokenSource {
  #tokens: Tokens | undefined;
  #refreshing: Promise<void> | undefined;

  /** @param onTokens called with every change, before the new tokens are used; undefined: logged out. */
  constructor(
    private readonly http: () => Http,
    initial: Tokens | undefined,
    private readonly onTokens: (tokens: Tokens | undefined) => void,
  ) {
    this.#tokens = initial;
  }

  get access(): string | undefined {
    return this.#tokens?.access;
  }

  get tokens(): Tokens | undefined {
    return this.#tokens;
  }

  async requestCode(email: string, purpose: CodePurpose): Promise<void> {
    await this.http().request("POST", "/v1/auth/email-codes", { body: { email, purpose }, repeatable: false, anonymous: true });
  }

  async resetPassword(reset: { email: string; code: string; password: string }): Promise<void> {
    await this.http().request("POST", "/v1/auth/reset-password", { body: reset, repeatable: false, anonymous: true });
  }

  register(credentials: Credentials & { nickname?: string; email?: string; code?: string }): Promise<User> {
    return this.#open("/v1/auth/register", credentials);
  }

  login(credentials: Credentials): Promise<User> {
    return this.#open("/v1/auth/login", credentials);
  }

  /** Ends the session; the tokens are forgotten even when the server cannot be told. */
  async logout(): Promise<void> {
    try {
      if (this.#tokens) await this.http().request("POST", "/v1/auth/logout", { repeatable: true });
    } catch (error) {
      if (!(error instanceof DunlinError) || error.status !== 401) throw error;
    } finally {
      this.#set(undefined);
    }
  }

  refresh(stale?: string): Promise<void> {
    if (stale !== undefined && this.#tokens && this.#tokens.access !== stale) return Promise.resolve();
    this.#refreshing ??= this.#refresh().finally(() => {
      this.#refreshing = undefined;
    });
    return this.#refreshing;
  }

  async #refresh(): Promise<void> {
    if (!this.#tokens) throw new DunlinError(706, "not logged in", { status: 401 });
    try {
      const answer = await this.http().request<TokenAnswer>("POST", "/v1/auth/refresh", {
        body: { refresh_token: this.#tokens.refresh },
        // When an answer is lost the token is good for another 30 s.
        repeatable: true,
        anonymous: true,
      });
      this.#take(answer);
    } catch (error) {
      if (error instanceof DunlinError && error.status === 401) {
        this.#set(undefined);
        // Also an expired refresh token (707): nothing is left to refresh with.
        throw new DunlinError(error.code === 707 ? 706 : error.code, error.message, { status: 401, cause: error });
      }
      throw error;
    }
  }

  async #open(path: string, body: Credentials): Promise<User> {
    const answer = await this.http().request<TokenAnswer>("POST", path, { body, repeatable: false, anonymous: true });
    this.#take(answer);
    return answer.user;
  }

  #take(answer: TokenAnswer): void {
    this.#set({
      access: answer.access_token,
      refresh: answer.refresh_token,
      expires_at: Date.now() + answer.expires_in * 1000,
    });
  }

  #set(tokens: Tokens | undefined): void {
    this.#tokens = tokens;
    this.onTokens(tokens);
  }
}
