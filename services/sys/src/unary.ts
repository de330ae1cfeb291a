import type { Tokens } from "@dunlin/domain";
import { AppError, type Clock, type Logger, type Metrics, toAppError } from "@dunlin/runtime";
import { type Metadata, type Server, type ServerUnaryCall, type ServiceDefinition, type sendUnaryData, status } from "@grpc/grpc-js";
import { toStatus } from "./status.js";

/** Who calls, and under which request id. */
export interface Caller {
  /** The calling service's name, from its credential. */
  readonly service: string;
  /** `x-request-id` of the call, for logs and for the command it causes; "" without one. */
  readonly requestId: string;
}

/** One function for each method of a generated service definition. */
export type Handlers<D> = {
  readonly [K in keyof D]: D[K] extends {
    requestDeserialize: (bytes: Buffer) => infer Request;
    responseDeserialize: (bytes: Buffer) => infer Response;
  }
    ? (request: Request, caller: Caller) => Promise<Response>
    : never;
};

export interface UnaryDeps {
  readonly tokens: Pick<Tokens, "verifyService">;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly clock: Clock;
  /** Longest a call may take, ms. */
  readonly deadlineMaxMs: number;
  /** Calls under way in this process; more are refused. */
  readonly callsMax: number;
}

interface UnaryMethod {
  readonly path: string;
  readonly requestStream: false;
  readonly responseStream: false;
  readonly requestSerialize: (value: never) => Buffer;
  readonly requestDeserialize: (bytes: Buffer) => unknown;
  readonly responseSerialize: (value: never) => Buffer;
  readonly responseDeserialize: (bytes: Buffer) => unknown;
}

type Handler = (request: unknown, caller: Caller) => Promise<unknown>;

/** A request as it arrived: bytes that do not decode are answered after the credential was looked at, not before. */
type Decoded = { readonly value: unknown } | { readonly problem: unknown };

const BEARER = /^Bearer (\S+)$/i;
const REQUEST_ID = /^[\x21-\x7e]{1,128}$/;

const firstText = (metadata: Metadata, key: string): string => {
  const value = metadata.get(key)[0];
  return typeof value === "string" ? value : "";
};

/** `/dunlin.sys.v1.MessageService/SendMessage` as `MessageService/SendMessage`. */
const methodLabel = (path: string): string => path.slice(path.lastIndexOf(".") + 1);

/**
 * Puts services on a gRPC server. Every call goes the same way: credential, decoding, a cap on its deadline and on the
 * calls under way, the handler, the error table, metrics.
 */
export class UnaryServices {
  readonly #deps: UnaryDeps;
  readonly #requests;
  readonly #seconds;
  readonly #calls;
  #underWay = 0;

  constructor(deps: UnaryDeps) {
    this.#deps = deps;
    this.#requests = deps.metrics.counter("dunlin_grpc_requests_total", "Calls answered.", ["method", "code"]);
    this.#seconds = deps.metrics.histogram("dunlin_grpc_request_seconds", "From a call's arrival to its answer.", ["method"]);
    this.#calls = deps.metrics.gauge("dunlin_grpc_calls", "Calls under way.");
  }

  /** Calls that are not answered yet. */
  get underWay(): number {
    return this.#underWay;
  }

  add<D extends Readonly<Record<string, UnaryMethod>>>(server: Server, definition: D, handlers: Handlers<D>): void {
    const methods: Record<string, unknown> = {};
    const implementation: Record<string, (call: ServerUnaryCall<Decoded, unknown>, done: sendUnaryData<unknown>) => void> = {};
    for (const [name, method] of Object.entries(definition)) {
      methods[name] = {
        ...method,
        requestDeserialize: (bytes: Buffer): Decoded => {
          try {
            return { value: method.requestDeserialize(bytes) };
          } catch (problem) {
            return { problem };
          }
        },
      };
      const label = methodLabel(method.path);
      const handler = handlers[name as keyof D] as unknown as Handler;
      implementation[name] = (call, done) => void this.#serve(label, handler, call, done);
    }
    server.addService(methods as unknown as ServiceDefinition, implementation);
  }

  /** Never rejects: whatever happens becomes the call's answer. */
  async #serve(label: string, handler: Handler, call: ServerUnaryCall<Decoded, unknown>, done: sendUnaryData<unknown>): Promise<void> {
    const begin = this.#deps.clock.monotonic();
    this.#calls.set(++this.#underWay);
    // Counted until the work is over, also when its call was answered at the deadline before.
    const work = this.#run(handler, call).finally(() => this.#calls.set(--this.#underWay));
    let code = "OK";
    try {
      done(null, await this.#capped(call, work));
    } catch (thrown) {
      const error = toAppError(thrown);
      if (error.code === "INTERNAL") this.#deps.logger.error({ err: error.cause ?? error, method: label }, "call failed");
      const answer = toStatus(error);
      code = status[answer.code];
      done(answer);
    }
    this.#requests.inc({ method: label, code });
    this.#seconds.observe({ method: label }, (this.#deps.clock.monotonic() - begin) / 1000);
  }

  async #run(handler: Handler, call: ServerUnaryCall<Decoded, unknown>): Promise<unknown> {
    const token = BEARER.exec(firstText(call.metadata, "authorization"))?.[1];
    if (token === undefined) throw new AppError("TOKEN_INVALID", "a service credential is needed: authorization: Bearer <service token>");
    const service = await this.#deps.tokens.verifyService(token);
    if (this.#underWay > this.#deps.callsMax) throw new AppError("UNAVAILABLE", "too many calls under way", { retryAfterS: 1 });
    if ("problem" in call.request)
      throw new AppError("BAD_REQUEST", "the request is not a valid message of its type", { cause: call.request.problem });
    const requestId = firstText(call.metadata, "x-request-id");
    return handler(call.request.value, { service, requestId: REQUEST_ID.test(requestId) ? requestId : "" });
  }

  /** grpc-js ends a call at the caller's deadline; this ends those with a later one or none. The work itself goes on. */
  #capped(call: ServerUnaryCall<Decoded, unknown>, work: Promise<unknown>): Promise<unknown> {
    const given = call.getDeadline();
    const limit = this.#deps.deadlineMaxMs;
    if ((given instanceof Date ? given.getTime() : given) - Date.now() <= limit) return work;
    return new Promise((resolve, reject) => {
      const late = (): void => reject(new AppError("TIMEOUT", `not done within ${limit} ms, the longest a call may take here`));
      const timer = setTimeout(late, limit);
      work.then(resolve, reject).finally(() => clearTimeout(timer));
    });
  }
}
