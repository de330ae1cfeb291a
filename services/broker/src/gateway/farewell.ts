import { type CloseName, closeCodes } from "@dunlin/proto";
import { type Connection, flag } from "./connection.js";

/** Codes of the client's that the metric names; every other one is 1006. Clients choose freely, labels must not. */
const CLIENT_CODES = new Set([1000, 1001, 1005]);

/** Closes connections, and knows which closes were ours. */
export class Farewell {
  /** The code a socket is being closed with by us, where uWebSockets.js would only report 1006. */
  #ours: number | undefined;

  close(connection: Connection, why: CloseName): void {
    const { ws } = connection;
    if (ws === undefined) return;
    const { code, reason } = closeCodes[why];
    this.#ours = code;
    // A goodbye cannot pass what already waits in a full socket: it would hold its buffers until a timeout.
    if (connection.has(flag.BLOCKED)) ws.close();
    else ws.end(code, reason);
    this.#ours = undefined;
  }

  /** What a close event means, inside of it. @param code as uWebSockets.js reports it */
  label(code: number): string {
    return String(this.#ours ?? (CLIENT_CODES.has(code) ? code : 1006));
  }
}
