import { frameText } from "@dunlin/domain";
import type { QueueRecord } from "@dunlin/engines/queue";
import { type CloseName, queue, SCHEMA_VERSION } from "@dunlin/proto";
import { AppError, type Clock, type Logger } from "@dunlin/runtime";
import { type Connection, flag } from "./connection.js";
import type { Directory } from "./directory.js";
import type { GatewayMetrics } from "./gateway-metrics.js";
import { type Mailbox, READ_LIMIT } from "./mailbox.js";
import { aboutSupergroup, endedMembership } from "./membership.js";
import { Reorder } from "./reorder.js";
import { Rest } from "./rest.js";
import type { Sender } from "./sender.js";
import { WINDOW } from "./window.js";

/** A hole that stays open this long is filled from the mailbox, ms. */
export const HOLE_MS = 100;

export interface StreamDeps {
  readonly directory: Directory;
  readonly mailbox: Mailbox;
  readonly sender: Sender;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: GatewayMetrics;
  readonly close: (connection: Connection, why: CloseName) => void;
  /** Entries of supergroups' logs. */
  readonly supergroups: (entries: readonly queue.SupergroupEntry[]) => void;
  /** The user's membership in some supergroup may have changed; in `ended` it has just ended. */
  readonly memberships: (connection: Connection, ended?: string) => void;
}

const MEMBER_FRAME = '{"type":"MEMBER"';

/**
 * Brings each connection its user's updates in order: live ones from the deliveries topic, what is missing from the
 * mailbox. Whatever happens to a live delivery (too early, no room, a full socket) it is enough to know that a newer
 * pts exists; the mailbox has it.
 */
export class Stream {
  readonly #holes = new Set<Connection>();
  /** Connections that wait for an ACK or are behind; the sweep looks at these only. */
  readonly #watched = new Set<Connection>();
  #holeTimer: NodeJS.Timeout | undefined;
  /** When nobody answers for mailboxes, the sweep must not ask for every connection four times a second. */
  readonly #rest = new Rest();

  constructor(private readonly deps: StreamDeps) {}

  close(): void {
    clearTimeout(this.#holeTimer);
  }

  /** Records of the deliveries topic. One that cannot be read is a hole, and holes are filled. */
  deliver(records: readonly QueueRecord[]): void {
    const { metrics, logger, sender } = this.deps;
    for (const record of records) {
      let delivery: queue.Delivery;
      try {
        if (record.value === null) throw new Error("a record without value");
        delivery = queue.Delivery.decode(record.value);
        if (delivery.version !== SCHEMA_VERSION) throw new Error(`unknown schema version ${delivery.version}`);
      } catch (error) {
        metrics.badRecords.inc();
        logger.warn({ err: error, offset: record.offset }, "a delivery could not be read");
        continue;
      }
      for (const entry of delivery.entries) this.#entry(entry);
      if (delivery.supergroups.length > 0) this.deps.supergroups(delivery.supergroups);
    }
    sender.flush();
  }

  #entry(entry: queue.DeliveryEntry): void {
    const { directory, metrics, clock } = this.deps;
    let staged = false;
    const membership = entry.type === "MEMBER" && aboutSupergroup(entry.rest);
    const ended = membership ? endedMembership(entry.rest) : undefined;
    for (const target of entry.targets) {
      const there = directory.get(target.userId);
      if (there === undefined) {
        metrics.unclaimed.inc();
        continue;
      }
      if (membership) {
        const own = ended?.userIds.includes(target.userId) ? ended.id : undefined;
        for (const connection of directory.of(target.userId)) this.deps.memberships(connection, own);
      }
      if (Array.isArray(there))
        for (const connection of there as readonly Connection[]) staged = this.#live(connection, target.pts, entry) || staged;
      else staged = this.#live(there as Connection, target.pts, entry) || staged;
    }
    if (staged && entry.storedAt > 0) metrics.latency.observe(Math.max(0, clock.now() - entry.storedAt) / 1000);
  }

  /** One live update for one connection. @returns whether it was staged */
  #live(connection: Connection, pts: number, entry: queue.DeliveryEntry): boolean {
    const verdict = connection.judge(pts);
    // Before HELLO, and while the socket is full, it is enough that the newest pts is known now.
    if (verdict === "drop" || !connection.has(flag.LIVE)) return false;
    this.#watch(connection);
    if (verdict === "behind" || connection.has(flag.BLOCKED)) return false;
    if (entry.rest === "") {
      this.pull(connection, "told");
      return false;
    }
    const frame = frameText(entry.type, pts, entry.rest);
    if (verdict === "send") {
      this.deps.sender.stage(connection, frame);
      if (connection.held !== undefined) this.#release(connection);
      return true;
    }
    this.#hold(connection, pts, frame);
    return false;
  }

  #hold(connection: Connection, pts: number, frame: string): void {
    connection.held ??= new Reorder(this.deps.clock.monotonic());
    if (!connection.held.put(pts, frame)) this.pull(connection, "hole");
    else if (!this.#holes.has(connection)) {
      this.#holes.add(connection);
      this.#holeTimer ??= setTimeout(() => this.#fillHoles(), HOLE_MS);
    }
  }

  /** Stages held frames whose turn has come, and forgets those that were sent by another way. */
  #release(connection: Connection): void {
    const { held } = connection;
    if (held === undefined) return;
    while (connection.room > 0 && !connection.has(flag.BLOCKED)) {
      const frame = held.take(connection.sent + 1);
      if (frame === undefined) break;
      this.deps.sender.stage(connection, frame);
    }
    held.dropUpTo(connection.sent);
    if (held.size === 0) {
      connection.held = undefined;
      this.#holes.delete(connection);
    }
  }

  #fillHoles(): void {
    this.#holeTimer = undefined;
    const now = this.deps.clock.monotonic();
    let next = Number.POSITIVE_INFINITY;
    for (const connection of this.#holes) {
      if (connection.ws === undefined || connection.held === undefined) {
        this.#holes.delete(connection);
        continue;
      }
      const left = connection.held.since + HOLE_MS - now;
      if (left > 0) next = Math.min(next, left);
      else {
        // From here on it is a connection that is behind: the sweep asks again should the mailbox not answer.
        this.#holes.delete(connection);
        this.pull(connection, "hole");
      }
    }
    if (this.#holes.size > 0) this.#holeTimer = setTimeout(() => this.#fillHoles(), Math.max(1, Math.min(next, HOLE_MS)));
  }

  /**
   * Starts a connection: reads its mailbox, greets it and sends what it missed. The route was registered before (or
   * could not be, then the connection is asked about again later), so no update falls between.
   */
  async begin(connection: Connection, pingS: number): Promise<void> {
    const { mailbox, sender, metrics, logger, close } = this.deps;
    connection.set(flag.PULLING);
    try {
      metrics.pulls.inc({ reason: "connect" });
      const resumes = connection.resumeFrom >= 0;
      const difference = await mailbox.read(connection.userId, resumes ? connection.resumeFrom : 0, resumes ? READ_LIMIT : 0);
      if (connection.ws === undefined) return;
      const recovered = !resumes || !difference.tooLong;
      connection.begin(resumes && recovered ? connection.resumeFrom : difference.pts);
      connection.newest = Math.max(connection.newest, difference.pts);
      connection.set(flag.LIVE);
      const session = JSON.stringify(connection.sessionId);
      sender.fleeting(
        connection,
        `{"type":"HELLO","session":${session},"pts":${connection.sent},"ping_s":${pingS},"recovered":${recovered}}`,
      );
      if (recovered) this.#stageRead(connection, difference.updates);
      sender.flush();
    } catch (error) {
      logger.warn({ err: error, user: connection.userId }, "the mailbox could not be read at connect");
      close(connection, "RESTARTING");
      return;
    } finally {
      connection.clear(flag.PULLING);
    }
    this.settle(connection);
  }

  /** The client acknowledged everything up to `pts`. False: it was never sent that. */
  acknowledge(connection: Connection, pts: number): boolean {
    const fresh = connection.ack(pts, this.deps.clock.monotonic());
    if (fresh < 0) return false;
    if (fresh > 0) this.deps.metrics.acknowledged.inc(fresh);
    if (connection.behind) this.settle(connection);
    return true;
  }

  /** The socket has taken what it had buffered. */
  drained(connection: Connection): void {
    connection.clear(flag.BLOCKED);
    if (connection.behind) this.settle(connection);
  }

  /** Updates may have passed by (routes lost, slot lost for a while): the mailbox is to be asked. */
  doubt(connection: Connection, reason: string): void {
    connection.set(flag.UNSURE);
    this.#watch(connection);
    this.pull(connection, reason);
  }

  /** Goes on with a connection after something has changed: held frames first, then the mailbox when enough fits. */
  settle(connection: Connection): void {
    if (connection.ws === undefined || !connection.has(flag.LIVE)) return;
    if (connection.held !== undefined) {
      this.#release(connection);
      this.deps.sender.flush();
    }
    if (connection.waiting || connection.behind || connection.has(flag.UNSURE)) this.#watch(connection);
    // Half a window at a time: a read for every single ACK would be a read for every update.
    if ((connection.behind && connection.held === undefined && connection.room >= WINDOW / 2) || connection.has(flag.UNSURE)) {
      this.pull(connection, "behind");
    }
  }

  /** Reads the mailbox until nothing is missing or nothing more fits. One read at a time for each connection. */
  pull(connection: Connection, reason: string): void {
    if (!connection.has(flag.LIVE) || connection.has(flag.PULLING) || connection.has(flag.BLOCKED) || connection.room <= 0) return;
    connection.set(flag.PULLING);
    this.#watch(connection);
    this.#pull(connection, reason).catch((error: unknown) => {
      const { logger, clock } = this.deps;
      const nobodyAnswers = error instanceof AppError && (error.code === "UNAVAILABLE" || error.code === "TIMEOUT");
      // One line for all connections: it is the same for each of them.
      if (!nobodyAnswers) logger.warn({ err: error, user: connection.userId }, "the mailbox could not be read; trying again");
      else if (this.#rest.failed(clock.monotonic())) logger.warn({ err: error }, "mailboxes cannot be read; trying again");
    });
  }

  async #pull(connection: Connection, reason: string): Promise<void> {
    const { mailbox, sender, metrics, close } = this.deps;
    try {
      do {
        metrics.pulls.inc({ reason });
        const difference = await mailbox.read(connection.userId, connection.sent, Math.max(1, connection.room));
        this.#rest.succeeded();
        if (connection.ws === undefined) return;
        if (difference.tooLong) {
          close(connection, "OUT_OF_SYNC");
          return;
        }
        connection.clear(flag.UNSURE);
        connection.newest = Math.max(connection.newest, difference.pts);
        const before = connection.sent;
        this.#stageRead(connection, difference.updates);
        this.#release(connection);
        sender.flush();
        // A mailbox that has nothing new although a newer pts is known: the sweep asks again.
        if (connection.sent === before) return;
      } while (connection.ws !== undefined && connection.behind && connection.room >= WINDOW / 2 && !connection.has(flag.BLOCKED));
    } finally {
      connection.clear(flag.PULLING);
    }
  }

  #stageRead(connection: Connection, updates: readonly { pts: number; json: string }[]): void {
    for (const update of updates) {
      if (connection.room <= 0 || connection.has(flag.BLOCKED)) return;
      if (update.pts !== connection.sent + 1) continue;
      this.deps.sender.stage(connection, update.json);
      if (update.json.startsWith(MEMBER_FRAME) && aboutSupergroup(update.json)) this.deps.memberships(connection);
    }
    this.#watch(connection);
  }

  #watch(connection: Connection): void {
    if (connection.has(flag.WATCHED)) return;
    connection.set(flag.WATCHED);
    this.#watched.add(connection);
  }

  /** Sends again what was not acknowledged in time, gives up who does not answer, and goes on with who is behind. */
  sweep(): void {
    const now = this.deps.clock.monotonic();
    const resting = this.#rest.resting(now);
    for (const connection of this.#watched) {
      const open = connection.ws !== undefined;
      if (!open || (!connection.waiting && !connection.behind && !connection.has(flag.UNSURE))) {
        this.#watched.delete(connection);
        connection.clear(flag.WATCHED);
        continue;
      }
      const due = connection.due(now);
      if (due === "give up") {
        this.deps.metrics.unacknowledged.inc(connection.sent - connection.acked);
        this.deps.close(connection, connection.has(flag.BLOCKED) ? "SLOW_CONSUMER" : "UNRESPONSIVE");
      } else if (due === "again") this.#redeliver(connection);
      else if (resting) continue;
      else if (connection.has(flag.UNSURE) || (connection.behind && !this.#holes.has(connection) && connection.room >= WINDOW / 2)) {
        this.pull(connection, "behind");
      }
    }
  }

  #redeliver(connection: Connection): void {
    if (connection.has(flag.PULLING) || connection.has(flag.BLOCKED)) return;
    connection.set(flag.PULLING);
    const { mailbox, sender, metrics, logger } = this.deps;
    const read = async (): Promise<void> => {
      metrics.pulls.inc({ reason: "redelivery" });
      const { updates } = await mailbox.read(connection.userId, connection.acked, connection.sent - connection.acked);
      // What was acknowledged meanwhile is not sent again, what was not sent yet is not sent here.
      const frames = updates
        .filter((update) => update.pts > connection.acked && update.pts <= connection.sent)
        .map((update) => update.json);
      if (frames.length > 0) metrics.redelivered.inc(sender.again(connection, frames));
    };
    read()
      .catch((error: unknown) => logger.warn({ err: error, user: connection.userId }, "redelivery: the mailbox could not be read"))
      .finally(() => {
        connection.clear(flag.PULLING);
        if (connection.behind) this.settle(connection);
      });
  }
}
