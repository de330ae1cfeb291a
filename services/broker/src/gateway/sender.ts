import type { Clock } from "@dunlin/runtime";
import { type Connection, flag } from "./connection.js";
import type { GatewayMetrics } from "./gateway-metrics.js";

/** The socket took everything. */
const SENT = 1;
/** The socket buffered the frame: it was the last one it takes for now. */
const BUFFERED = 0;

/**
 * Gives frames to sockets. A socket that buffers gets nothing more until it has drained, so what a slow client costs is
 * one frame beyond the kernel's buffers. That a socket took a frame is never taken for a delivery: only an ACK is.
 */
export class Sender {
  #dirty: Connection[] = [];

  constructor(
    private readonly clock: Pick<Clock, "monotonic">,
    private readonly metrics: GatewayMetrics,
  ) {}

  /** Takes the connection's next update (pts = sent + 1); it leaves with the next flush. */
  stage(connection: Connection, frame: string): void {
    connection.advance(this.clock.monotonic());
    if (connection.pending === undefined) {
      connection.pending = [frame];
      this.#dirty.push(connection);
    } else connection.pending.push(frame);
  }

  /** Sends what was staged, the frames of one connection together. */
  flush(): void {
    const dirty = this.#dirty;
    if (dirty.length === 0) return;
    this.#dirty = [];
    let sent = 0;
    for (const connection of dirty) {
      const frames = connection.pending ?? [];
      connection.pending = undefined;
      if (connection.ws === undefined) continue;
      const taken = this.#write(connection, frames);
      // What was not taken is in the mailbox; the window steps back as if it had never been staged.
      connection.sent -= frames.length - taken;
      sent += taken;
    }
    this.metrics.delivered.inc(sent);
  }

  /** Sends updates that were sent before. @returns how many the socket took */
  again(connection: Connection, frames: readonly string[]): number {
    return connection.ws === undefined || connection.has(flag.BLOCKED) ? 0 : this.#write(connection, frames);
  }

  /** Sends a frame without pts (HELLO, PONG, presence, typing): dropped when the socket is full, it is only good now. @returns whether it was taken */
  fleeting(connection: Connection, frame: string): boolean {
    return connection.ws !== undefined && !connection.has(flag.BLOCKED) && this.#write(connection, [frame]) > 0;
  }

  /** Sends a frame without pts that must not be missed: buffered behind what the socket has not taken yet. */
  certain(connection: Connection, frame: string): void {
    if (connection.ws !== undefined) this.#write(connection, [frame]);
  }

  #write(connection: Connection, frames: readonly string[]): number {
    const { ws } = connection;
    if (ws === undefined) return 0;
    if (frames.length === 1) {
      const result = ws.send(frames[0] as string);
      if (result !== SENT) connection.set(flag.BLOCKED);
      return result === SENT || result === BUFFERED ? 1 : 0;
    }
    let taken = 0;
    ws.cork(() => {
      for (const frame of frames) {
        const result = ws.send(frame);
        if (result === SENT || result === BUFFERED) taken += 1;
        if (result === SENT) continue;
        connection.set(flag.BLOCKED);
        return;
      }
    });
    return taken;
  }
}
