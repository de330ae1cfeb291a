import { DunlinError, TOKEN_EXPIRED } from "./errors.js";
import { parseRetryAfter, pause, pauseMs, type RetryPolicy } from "./retry.js";

/** Where access tokens come from. */
export interface TokenSource {
  /** The access token now; undefined when nobody is logged in. */
  readonly access: string | undefined;
  /** Replaces the access token unless it is no longer `stale`. @throws DunlinError when the login is over. */
  refresh(stale: string): Promise<void>;
}

export interface RequestOptions {
  readonly query?: Readonly<Record<string, string | number | undefined>>;
  readonly body?: unknown;
  /** Whether doing it twice is as good as once; only then it is tried again after network errors and 5xx. */
  readonly repeatable: boolean;
  /** Sent without a token. */
  readonly anonymous?: boolean;
}

export interface HttpOptions {
  /** Origin of the HTTP API, e.g. http://127.0.0.1:8080. */
  readonly server: string;
  readonly fetch: typeof fetch;
  /** An answer that takes longer counts as none, ms. */
  readonly timeoutMs: number;
  readonly retry: RetryPolicy;
  readonly tokens: TokenSource;
}

interface Envelope {
  code: number;
  msg: string;
  data?: unknown;
}

const isEnvelope = (value: unknown): value is Envelope =>
  typeof value === "object" && value !== null && "code" in value && typeof value.code === "number";

/**
 * Calls of the HTTP API: the envelope taken off, an expired token refreshed once, and what may be repeated tried again.
 * 429 is always tried again: the server did nothing.
 */
export class Http {
  constructor(private readonly options: HttpOptions) {}

  /** @returns the envelope's data. @throws DunlinError */
  async request<T>(method: string, path: string, options: RequestOptions): Promise<T> {
    let refreshed = false;
    for (let tries = 1; ; tries++) {
      const token = options.anonymous ? undefined : this.options.tokens.access;
      try {
        return (await this.#once(method, path, options, token)) as T;
      } catch (error) {
        if (!(error instanceof DunlinError)) throw error;
        if (error.code === TOKEN_EXPIRED && token !== undefined && !refreshed) {
          refreshed = true;
          await this.options.tokens.refresh(token);
          tries--;
          continue;
        }
        const again = error.status === 429 || (error.retryable && options.repeatable);
        const wait = again ? pauseMs(this.options.retry, tries, error.retryAfterMs) : undefined;
        if (wait === undefined) throw error;
        await pause(wait);
      }
    }
  }

  /**
   * An answer that is bytes, its body not yet read; a redirect is followed. @throws DunlinError, also for an envelope that says
   * what is wrong
   */
  async content(path: string, options: { query?: RequestOptions["query"]; headers?: Record<string, string> }): Promise<Response> {
    const url = this.#url(path, options.query);
    let refreshed = false;
    for (let tries = 1; ; tries++) {
      const token = this.options.tokens.access;
      try {
        const response = await this.#fetch(url, {
          headers: { ...options.headers, ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) },
        });
        if (response.ok) return response;
        throw errorOf(response, parse(await response.text()));
      } catch (error) {
        if (!(error instanceof DunlinError)) throw error;
        if (error.code === TOKEN_EXPIRED && token !== undefined && !refreshed) {
          refreshed = true;
          await this.options.tokens.refresh(token);
          tries--;
          continue;
        }
        const wait = error.retryable ? pauseMs(this.options.retry, tries, error.retryAfterMs) : undefined;
        if (wait === undefined) throw error;
        await pause(wait);
      }
    }
  }

  /** Uploads bytes to a URL that is its own permission. It takes as long as it takes. @throws DunlinError */
  async upload(target: string, headers: Readonly<Record<string, string>>, body: Blob): Promise<void> {
    const url = new URL(target, this.options.server);
    let response: Response;
    try {
      response = await this.options.fetch(url, { method: "PUT", headers: { ...headers }, body });
    } catch (cause) {
      throw new DunlinError("network", `no answer from ${url.origin}`, { cause });
    }
    const text = await response.text().catch(() => "");
    if (!response.ok) throw errorOf(response, parse(text));
  }

  #url(path: string, query: RequestOptions["query"]): URL {
    const url = new URL(path, this.options.server);
    for (const [name, value] of Object.entries(query ?? {})) if (value !== undefined) url.searchParams.set(name, String(value));
    return url;
  }

  /** The head of an answer; a body may take longer than that. @throws DunlinError when none comes in time */
  async #fetch(url: URL, init: RequestInit): Promise<Response> {
    const abort = new AbortController();
    const timer = setTimeout(() => abort.abort(), this.options.timeoutMs);
    try {
      return await this.options.fetch(url, { ...init, signal: abort.signal });
    } catch (cause) {
      throw new DunlinError("network", `no answer from ${url.origin}`, { cause });
    } finally {
      clearTimeout(timer);
    }
  }

  async #once(method: string, path: string, { query, body }: RequestOptions, token: string | undefined): Promise<unknown> {
    const url = this.#url(path, query);
    const headers: Record<string, string> = { accept: "application/json" };
    if (token !== undefined) headers["authorization"] = `Bearer ${token}`;
    if (body !== undefined) headers["content-type"] = "application/json";
    let response: Response;
    let answer: unknown;
    try {
      response = await this.options.fetch(url, {
        method,
        headers,
        signal: AbortSignal.timeout(this.options.timeoutMs),
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const text = await response.text();
      answer = parse(text);
    } catch (cause) {
      throw new DunlinError("network", `no answer from ${url.origin}`, { cause });
    }
    if (isEnvelope(answer) && answer.code === 0 && response.ok) return answer.data;
    throw errorOf(response, answer);
  }
}

const errorOf = (response: Response, answer: unknown): DunlinError =>
  new DunlinError(isEnvelope(answer) ? answer.code : 1, isEnvelope(answer) ? answer.msg : `HTTP status ${response.status}`, {
    // A proxy's page with a good status is no answer of ours.
    status: response.ok && !isEnvelope(answer) ? 502 : response.status,
    retryAfterMs: parseRetryAfter(response.headers.get("retry-after"), Date.now()),
    requestId: response.headers.get("x-request-id") ?? undefined,
  });

const parse = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};
