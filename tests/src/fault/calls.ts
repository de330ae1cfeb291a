import { Agent, request } from "undici";

export interface Called {
  /** 0 when no answer came (reset, time-out, refused). */
  readonly status: number;
  readonly code: number;
  // The driver checks the fields it uses; the shapes are the contract's.
  readonly data: Record<string, unknown>;
  readonly error?: string;
}

const TIMEOUT_MS = 8_000;

/** HTTP calls to several apisvc: each goes to one of them in turn; a repeat therefore meets another. */
export class Calls {
  readonly #agent = new Agent({ connections: 64, headersTimeout: TIMEOUT_MS, bodyTimeout: TIMEOUT_MS, connectTimeout: 2_000 });
  #turn = 0;
  /** Calls that got no answer (reset, time-out, refused). */
  unanswered = 0;
  /** Calls that were answered 5xx. */
  refused = 0;

  constructor(private readonly urls: readonly string[]) {}

  async call(method: "GET" | "POST" | "DELETE", path: string, token: string | undefined, body?: unknown): Promise<Called> {
    const url = `${this.urls[this.#turn++ % this.urls.length]}${path}`;
    try {
      const response = await request(url, {
        method,
        dispatcher: this.#agent,
        headers: {
          ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
          ...(body === undefined ? {} : { "content-type": "application/json" }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const answer = (await response.body.json()) as { code: number; data?: Record<string, unknown> };
      if (response.statusCode >= 500) this.refused += 1;
      return { status: response.statusCode, code: answer.code, data: answer.data ?? {} };
    } catch (error) {
      this.unanswered += 1;
      return { status: 0, code: 0, data: {}, error: error instanceof Error ? error.message : String(error) };
    }
  }

  /** Repeats until the answer is a success. @throws Error after `ms`. */
  async must(method: "GET" | "POST" | "DELETE", path: string, token: string | undefined, body?: unknown, ms = 60_000): Promise<Called> {
    const deadline = Date.now() + ms;
    for (;;) {
      const called = await this.call(method, path, token, body);
      if (called.status >= 200 && called.status < 300) return called;
      if (Date.now() > deadline || (called.status >= 400 && called.status < 500 && called.status !== 429)) {
        throw new Error(`${method} ${path}: ${called.status} ${called.code} ${called.error ?? JSON.stringify(called.data)}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }

  close(): Promise<void> {
    return this.#agent.destroy();
  }
}
