import type { CloseName } from "@dunlin/proto";
import type { Clock } from "@dunlin/runtime";
import { parseClientFrame } from "./client-frame.js";
import { type Connection, flag } from "./connection.js";
import type { RouteBook } from "./route-book.js";
import type { Sender } from "./sender.js";
import type { Stream } from "./stream.js";

const PONG = '{"type":"PONG"}';

export interface ClientInputDeps {
  readonly clock: Clock;
  readonly framesPerS: number;
  readonly stream: Stream;
  readonly sender: Sender;
  readonly routes: RouteBook;
  readonly close: (connection: Connection, why: CloseName) => void;
}

/** What clients say: acknowledgements, presence, pings, and each no more often than allowed. */
export class ClientInput {
  constructor(private readonly deps: ClientInputDeps) {}

  received(connection: Connection, message: ArrayBuffer, isBinary: boolean): void {
    const { stream, sender, close } = this.deps;
    const frame = isBinary ? undefined : parseClientFrame(new Uint8Array(message));
    if (frame === undefined) {
      close(connection, "PROTOCOL_VIOLATION");
      return;
    }
    if (frame.type === "ACK") {
      // An ACK of something new is paid for by the update it answers; only empty ones are counted.
      if (frame.pts <= connection.acked && !this.charge(connection)) return;
      if (!stream.acknowledge(connection, frame.pts)) close(connection, "PROTOCOL_VIOLATION");
      return;
    }
    if (!this.charge(connection)) return;
    if (frame.type === "PING") {
      sender.fleeting(connection, PONG);
      return;
    }
    this.status(connection, frame.status);
  }

  /** The device is in use, or not. */
  status(connection: Connection, status: "active" | "away"): void {
    const away = status === "away";
    if (away === connection.has(flag.AWAY)) return;
    if (away) connection.set(flag.AWAY);
    else connection.clear(flag.AWAY);
    this.deps.routes.register(connection);
  }

  /** Takes a frame off the client's budget; closes and answers false when it has none left. */
  charge(connection: Connection): boolean {
    const { framesPerS, clock, close } = this.deps;
    if (connection.spend(framesPerS, clock.monotonic())) return true;
    close(connection, "TOO_MANY_FRAMES");
    return false;
  }
}
