import { vi } from "vitest";

/** An answer of the HTTP API as a test has heard it. */
export interface HeardAnswer {
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  readonly status: number;
  /** The body where it is JSON. */
  readonly json: unknown;
}

type Listener = (answer: HeardAnswer) => void;
let listener: Listener | undefined;

const isJson = (type: string | null | undefined): boolean => type?.startsWith("application/json") ?? false;

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};

/** Tells what a request came to that did not go through `fetch`. */
export const hear = (url: string, method: string, status: number, type: string | undefined, text: string): void => {
  const { pathname, search } = new URL(url);
  listener?.({ method, path: pathname + search, status, json: isJson(type) ? parsed(text) : undefined });
};

/** From now on `tell` hears every answer to this process's requests, whoever makes them. @returns what ends it */
export const listen = (tell: Listener): (() => void) => {
  const inner = globalThis.fetch;
  listener = tell;
  vi.stubGlobal("fetch", async (...args: Parameters<typeof fetch>): Promise<Response> => {
    const request = args[0] instanceof Request ? args[0] : undefined;
    const asked = new URL(request?.url ?? String(args[0]));
    const method = args[1]?.method ?? request?.method ?? "GET";
    const response = await inner(...args);
    const { pathname, search } = new URL(response.url);
    if (response.redirected) tell({ method, path: asked.pathname + asked.search, status: 302, json: undefined });
    const text = isJson(response.headers.get("content-type")) ? await response.clone().text() : undefined;
    tell({ method, path: pathname + search, status: response.status, json: text === undefined ? undefined : parsed(text) });
    return response;
  });
  return () => {
    listener = undefined;
    vi.unstubAllGlobals();
  };
};
