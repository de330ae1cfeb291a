import type { Readable } from "node:stream";
import type { AccessClaims } from "@dunlin/domain";
import type { ErrorCode } from "@dunlin/proto";
import type { z } from "zod";
import type { Api } from "../api.js";
import type { OperationClass } from "../limits/operation-classes.js";
import type { Language } from "./language.js";

export type Method = "get" | "post" | "put" | "patch" | "delete";

/** An answer that is no envelope: bytes, or a redirect to where they are. */
export interface Content {
  readonly headers: Readonly<Record<string, string | number>>;
  /** Sent as it comes, in the client's pace. */
  readonly body?: Readable | Uint8Array;
}

/** What a handler answers: `data` as a value, or as JSON text that stands already; or content. */
export type Reply<T> = { readonly status?: number } & ({ readonly data: T } | { readonly json: string } | { readonly content: Content });

/** A body that is passed on as it comes. */
export interface RawBody {
  readonly stream: Readable;
  /** Content-Length; undefined when it was not said. */
  readonly length: number | undefined;
  readonly type: string | undefined;
}

/** A checked request. */
export interface Call<P, Q, B> {
  readonly params: P;
  readonly query: Q;
  readonly body: B;
  /** Who calls. Routes without authentication must not look. */
  readonly claims: AccessClaims;
  /** Only with `rawBody`. */
  readonly raw: RawBody;
  /** The Range header. */
  readonly range: string | undefined;
  readonly requestId: string;
  /** The caller's address. */
  readonly ip: string;
  readonly language: Language;
}

type Checked<S extends z.ZodType | undefined> = S extends z.ZodType ? z.infer<S> : undefined;

/**
 * One operation, declared once: express serves it and the OpenAPI document describes it from this alone.
 * Paths are written as in OpenAPI (`/v1/dialogs/{peer}`).
 */
export interface RouteSpec<
  P extends z.ZodObject | undefined,
  Q extends z.ZodObject | undefined,
  B extends z.ZodType | undefined,
  R extends z.ZodType,
> {
  /** The operation id. */
  readonly id: string;
  readonly method: Method;
  readonly path: string;
  readonly tag: string;
  readonly summary: string;
  /** Whose part it is and what others are answered, in whole sentences: the authorisation rule, for the documentation. */
  readonly who: string;
  /** Limits of its own beside rates, sizes of bodies and what the schemas say, without a full stop: for the documentation. */
  readonly bounds?: string;
  /** Whether an access token is needed; true when it is not said. */
  readonly auth?: boolean;
  readonly params?: P;
  readonly query?: Q;
  readonly body?: B;
  /** What it counts as when rates are limited; "other" when it is not said. */
  readonly limit?: OperationClass;
  /** How often one request counts; once when it is not said. */
  readonly cost?: (body: Checked<B>) => number;
  /** Takes any body, unread; the handler reads it in time of its own. */
  readonly rawBody?: true;
  /** What `content` is of type, for the documentation; none: the answer is an envelope. */
  readonly contentType?: string;
  /** The success statuses, the usual one first. */
  readonly statuses?: readonly [number, ...number[]];
  readonly response: R;
  /** Codes of its own; what every operation of its form can answer is added by `errorsOf`. */
  readonly errors: readonly ErrorCode[];
  readonly handler: (api: Api, call: Call<Checked<P>, Checked<Q>, Checked<B>>) => Promise<Reply<z.input<R>>>;
}

/** A route with its types put away, as the table keeps it. */
export interface Route
  extends Omit<RouteSpec<undefined, undefined, undefined, z.ZodType>, "params" | "query" | "body" | "cost" | "handler"> {
  readonly auth: boolean;
  readonly limit: OperationClass;
  readonly cost?: (body: unknown) => number;
  readonly statuses: readonly [number, ...number[]];
  readonly params?: z.ZodObject;
  readonly query?: z.ZodObject;
  readonly body?: z.ZodType;
  readonly handler: (api: Api, call: Call<unknown, unknown, unknown>) => Promise<Reply<unknown>>;
}

export const route = <
  R extends z.ZodType,
  P extends z.ZodObject | undefined = undefined,
  Q extends z.ZodObject | undefined = undefined,
  B extends z.ZodType | undefined = undefined,
>(
  spec: RouteSpec<P, Q, B, R>,
): Route => ({ auth: true, limit: "other", statuses: [200], ...spec }) as unknown as Route;

/** Every code that the operation can answer. */
export const errorsOf = (r: Route): ErrorCode[] => {
  const codes = new Set<ErrorCode>(["BAD_REQUEST", "HEADERS_TOO_LARGE", "INTERNAL", "RATE_LIMITED", "UNAVAILABLE", "TIMEOUT"]);
  if (r.auth) for (const code of ["TOKEN_INVALID", "TOKEN_EXPIRED"] as const) codes.add(code);
  if (r.body || r.rawBody) for (const code of ["TOO_LARGE", "UNSUPPORTED_MEDIA"] as const) codes.add(code);
  for (const code of r.errors) codes.add(code);
  return [...codes];
};
