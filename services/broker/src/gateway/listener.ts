import * as uws from "uWebSockets.js";
import type { AccessClaims } from "@dunlin/domain";
import { AppError, type Clock, type Logger, toAppError } from "@dunlin/runtime";
import { Connection, type Socket, type SocketData } from "./connection.js";
import { CorkHolder } from "./cork-holder.js";
import type { GatewayMetrics } from "./gateway-metrics.js";
import {
  type HandshakeRequest,
  inspect,
  notFound,
  type Refusal,
  readForwardedFor,
  readRequest,
  refusalOf,
  refuse,
  type Ticket,
  unavailable,
} from "./handshake.js";
import type { Seats } from "./seats.js";

/** A client frame is never larger than this, bytes; uWebSockets.js closes who sends one. */
const MAX_CLIENT_FRAME = 4 * 1024;
/** Beyond what the kernel takes, a socket buffers one frame and what was corked with it; more than this is a fault of ours. */
const MAX_BACKPRESSURE = 128 * 1024;
/** Handshakes whose token or session is being checked. */
const MAX_PENDING = 10_000;

/** The native constant behind the type's enum (the package exports it under this name). */
const { LIBUS_LISTEN_EXCLUSIVE_PORT } = uws as unknown as { LIBUS_LISTEN_EXCLUSIVE_PORT: number };
/** listen(host, port, options, callback) exists and its declaration does not. */
type Listen = (host: string, port: number, options: number, done: (socket: uws.us_listen_socket | false) => void) => void;

export interface ListenerOptions {
  readonly host: string;
  readonly firstPort: number;
  readonly portCount: number;
  readonly origins: ReadonlySet<string> | undefined;
  /** Seconds of silence after which a socket is pinged and then closed. */
  readonly idleTimeoutS: number;
  /** Sockets that have not become a WebSocket (yet): more are closed unanswered. */
  readonly halfOpenMax: number;
  readonly seats: Seats;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: GatewayMetrics;
  /** Why nobody is let in now; undefined: come in. `pending` handshakes are under way. */
  readonly closedDoor: (pending: number) => string | undefined;
  /** The token's claims once token and session were found good. @throws AppError */
  readonly check: (token: string) => Promise<AccessClaims>;
  /** Why this user or device is not let in now. */
  readonly closedFor: (claims: AccessClaims) => string | undefined;
  /** @param since when its handshake began, monotonic ms */
  readonly onOpen: (connection: Connection, since: number) => void;
  readonly onMessage: (connection: Connection, message: ArrayBuffer, isBinary: boolean) => void;
  /** Control frames of the client: a ping (already answered) or a pong. */
  readonly onControlFrame: (connection: Connection) => void;
  readonly onDrain: (connection: Connection) => void;
  readonly onClose: (connection: Connection, code: number) => void;
}

/** The WebSocket server: handshakes, and events of the sockets handed on. */
export class Listener {
  readonly #app = uws.App();
  readonly #corkHolder = new CorkHolder(this.#app);
  readonly #sockets: uws.us_listen_socket[] = [];
  readonly #since = new WeakMap<Connection, number>();
  #pending = 0;
  #halfOpen = 0;
  #closed = false;

  constructor(private readonly options: ListenerOptions) {
    const { onMessage, onControlFrame, onDrain, onClose } = options;
    const app = this.#app;
    // biome-ignore lint/suspicious/useIterableCallbackReturn: this is no array but the server, and it wants no answer
    app.filter((res, count) => {
      this.#halfOpen += count;
      if (count > 0 && this.#halfOpen > options.halfOpenMax) res.close();
    });
    app.ws<SocketData>("/ws", {
      maxPayloadLength: MAX_CLIENT_FRAME,
      maxBackpressure: MAX_BACKPRESSURE,
      closeOnBackpressureLimit: true,
      compression: 0,
      idleTimeout: options.idleTimeoutS,
      sendPingsAutomatically: true,
      maxLifetime: 0,
      upgrade: (res, req, context) => this.#upgrade(res, req, context),
      open: (ws) => this.#open(ws),
      message: (ws, message, isBinary) => onMessage(ws.getUserData().connection, message, isBinary),
      ping: (ws) => onControlFrame(ws.getUserData().connection),
      pong: (ws) => onControlFrame(ws.getUserData().connection),
      drain: (ws) => {
        if (ws.getBufferedAmount() === 0) onDrain(ws.getUserData().connection);
      },
      close: (ws, code) => {
        const { connection, seat } = ws.getUserData();
        connection.ws = undefined;
        if (seat !== undefined) options.seats.leave(seat);
        onClose(connection, code);
      },
    });
    // What has no key of the right length, or another method, does not reach the upgrade handler.
    app.any("/ws", (res, req) => {
      const verdict = inspect(readRequest(req), options.origins);
      this.#refuse(res, "status" in verdict ? verdict : notFound);
    });
    app.any("/*", (res) => this.#refuse(res, notFound));
  }

  /** @returns the ports bound. @throws Error naming the port that is taken */
  async listen(): Promise<number[]> {
    const { host, firstPort, portCount } = this.options;
    const ports: number[] = [];
    for (let i = 0; i < portCount; i++) {
      const port = firstPort === 0 ? 0 : firstPort + i;
      const socket = await new Promise<uws.us_listen_socket | false>((resolve) => {
        // Exclusive: two processes on one port would split its connections between them without a word.
        (this.#app.listen as unknown as Listen).call(this.#app, host, port, LIBUS_LISTEN_EXCLUSIVE_PORT, resolve);
      });
      if (socket === false) throw new Error(`${host}:${port} cannot be listened on; another process may have it`);
      this.#sockets.push(socket);
      ports.push(uws.us_socket_local_port(socket as unknown as uws.us_socket));
    }
    await this.#corkHolder.open(host, ports[0] as number);
    return ports;
  }

  /** Gives a text frame to every connection that is subscribed to the topic. */
  publish(topic: string, frame: string): void {
    if (!this.#closed) this.#app.publish(topic, frame);
  }

  /** Takes no new sockets; those open stay. */
  stopListening(): void {
    for (const socket of this.#sockets.splice(0)) uws.us_listen_socket_close(socket);
  }

  /** Closes everything. Idempotent. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    // app.close() closes the listen sockets too, and closing one twice is a crash.
    this.#sockets.length = 0;
    this.#corkHolder.close();
    this.#app.close();
  }

  #refuse(res: uws.HttpResponse, refusal: Refusal): void {
    this.options.metrics.handshakes.inc({ status: refusal.status.slice(0, 3) });
    refuse(res, refusal);
  }

  #upgrade(res: uws.HttpResponse, req: uws.HttpRequest, context: uws.us_socket_context_t): void {
    const { origins, closedDoor, seats } = this.options;
    const request: HandshakeRequest = readRequest(req);
    const ticket = inspect(request, origins);
    if ("status" in ticket) {
      this.#refuse(res, ticket);
      return;
    }
    const closed = this.#pending >= MAX_PENDING ? "too many handshakes at once" : closedDoor(this.#pending);
    if (closed !== undefined) {
      this.#refuse(res, unavailable(closed, 2));
      return;
    }
    const seat = seats.max === 0 ? undefined : seats.keyOf(Buffer.from(res.getRemoteAddressAsText()).toString(), readForwardedFor(req));
    if (seat !== undefined && !seats.take(seat)) {
      this.#refuse(res, unavailable("too many connections of this address", 2));
      return;
    }
    const state = { aborted: false };
    res.onAborted(() => {
      state.aborted = true;
    });
    this.#pending += 1;
    void this.#admit(res, context, ticket, seat, state)
      .catch((error: unknown) => {
        this.options.logger.error({ err: error }, "a handshake failed");
        return false;
      })
      .then((admitted) => {
        this.#pending -= 1;
        // One who was let in leaves when the connection closes.
        if (!admitted && seat !== undefined) seats.leave(seat);
      });
  }

  /** @returns whether it became a connection */
  async #admit(
    res: uws.HttpResponse,
    context: uws.us_socket_context_t,
    ticket: Ticket,
    seat: string | undefined,
    state: { readonly aborted: boolean },
  ): Promise<boolean> {
    const { clock, check, closedDoor, closedFor, metrics } = this.options;
    const since = clock.monotonic();
    let claims: AccessClaims | undefined;
    let failure: AppError | undefined;
    try {
      claims = await check(ticket.token);
    } catch (error) {
      failure = toAppError(error);
    }
    // After an await the response may be gone, and touching it then ends the process.
    if (state.aborted || this.#closed) return false;
    if (claims === undefined) {
      this.#refuse(res, refusalOf(failure ?? new AppError("TOKEN_INVALID")));
      return false;
    }
    // This handshake counts among the pending ones; the door is asked about the others.
    const closed = closedDoor(this.#pending - 1) ?? closedFor(claims);
    if (closed !== undefined) {
      this.#refuse(res, unavailable(closed, 2));
      return false;
    }
    const identity = { ...claims, expiresAtS: Math.floor(claims.expiresAt / 1000) };
    const connection = new Connection(identity, ticket.resumeFrom, clock.now());
    this.#since.set(connection, since);
    metrics.handshakes.inc({ status: "101" });
    // Its own cork must not be used: when the socket's memory is resized in place, uWebSockets.js 20 takes it for an HTTP
    // response still at the end of the cork, reads a state out of the WebSocket's bytes, and closes some at once
    // (uWebSockets issue 1928). While another socket holds the cork there is no such end.
    this.#corkHolder.run(res, () => {
      res.upgrade<SocketData>({ connection, seat }, ticket.key, ticket.protocol, ticket.extensions, context);
    });
    return true;
  }

  #open(ws: Socket): void {
    // The filter does not see a socket go that has become a WebSocket: it leaves the half-open ones here.
    this.#halfOpen -= 1;
    const { connection } = ws.getUserData();
    connection.ws = ws;
    const since = this.#since.get(connection) ?? 0;
    this.#since.delete(connection);
    this.options.onOpen(connection, since);
  }
}
