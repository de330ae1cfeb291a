import { sleep } from "@dunlin/runtime";
import type { IWatchResponse } from "etcd3";
import { z } from "zod";
import type { Member, MemberInfo, Registration } from "../port.js";
import { entries, type Link, prefixEnd, put, readAll } from "./link.js";
import type { Held, Session } from "./session.js";

/** Put just before a member deletes itself: without it, a deletion is a lease that ran out. */
const GONE = "gone";
const RETRY_MS = 250;

const folder = (link: Link, service: string): string => link.key(`members/${encodeURIComponent(service)}/`);

const infoSchema = z.object({
  addresses: z.record(z.string(), z.string()),
  slot: z.number().int().optional(),
  load: z.number().optional(),
  draining: z.boolean().optional(),
  since: z.number().optional(),
}) satisfies { shape: Record<keyof MemberInfo, unknown> };

/** The member a key and its value stand for, undefined when they are no good. */
const parse = (id: string, value: string): Member | undefined => {
  try {
    return { ...(infoSchema.parse(JSON.parse(value)) as MemberInfo), id };
  } catch {
    return undefined;
  }
};

const idOf = (key: string): string => {
  const name = key.slice(key.lastIndexOf("/") + 1);
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
};

export const register = async (session: Session, service: string, id: string, info: MemberInfo): Promise<Registration> => {
  const { link } = session;
  const key = folder(link, service) + encodeURIComponent(id);
  let current = info;
  // One write at a time, so that the last update is the one that stays.
  let writing: Promise<unknown> = Promise.resolve();
  const write = (value: () => string, lease: string): Promise<unknown> => {
    writing = writing.catch(() => undefined).then(() => link.transact({ success: [put(key, value(), lease)] }));
    return writing;
  };
  const held: Held = {
    lease: "",
    restore: async (lease) => {
      // Until it is written: what fails here is tried again with the next renewal.
      held.lease = "";
      await write(() => JSON.stringify(current), lease);
      held.lease = lease;
    },
    close: async () => {
      if (!session.held.delete(held)) return;
      if (held.lease !== "") await write(() => GONE, held.lease).catch(() => undefined);
      await session.discard(key);
    },
  };
  session.keep(key);
  await held.restore(await session.lease()).catch(async (error: unknown) => {
    await session.discard(key);
    throw error;
  });
  session.held.add(held);
  return {
    update: async (next) => {
      if (!session.held.has(held)) return;
      current = next;
      await held.restore(await session.lease());
    },
    close: held.close,
  };
};

/** One service's members, followed: listed, then watched for at most a TTL, then listed again, come what may. */
export class MemberWatch {
  readonly #members = new Map<string, Member>();
  readonly #stop = new AbortController();
  #told = "";
  #running: Promise<void> | undefined;

  constructor(
    private readonly link: Link,
    private readonly service: string,
    private readonly listener: (members: readonly Member[]) => void,
  ) {}

  /** Resolves when the listener was called for the first time. @throws AppError UNAVAILABLE */
  async start(): Promise<void> {
    const revision = await this.#list();
    this.#running = this.#follow(revision);
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #follow(listed: string): Promise<void> {
    let revision: string | undefined = listed;
    while (!this.#stop.signal.aborted && !this.link.closed) {
      try {
        revision ??= await this.#list();
        await this.#watch(revision);
      } catch (error) {
        if (this.#stop.signal.aborted) return;
        this.link.down(error);
        await sleep(RETRY_MS, this.#stop.signal);
      }
      revision = undefined;
    }
  }

  /** Takes over what etcd has; answers the revision it had it at. */
  async #list(): Promise<string> {
    const answer = await this.link.transact({ success: [readAll(folder(this.link, this.service))] });
    const listed = new Set<string>();
    for (const { key, value } of entries(answer, 0)) {
      const id = idOf(key);
      listed.add(id);
      this.#put(id, value);
    }
    // What is missing while etcd is unsettled has another TTL to come back.
    if (!this.link.unsettled) for (const id of this.#members.keys()) if (!listed.has(id)) this.#members.delete(id);
    this.#tell();
    return answer.header.revision;
  }

  /** Follows changes from after `revision` until it is time to list again. Rejects when the stream breaks. */
  async #watch(revision: string): Promise<void> {
    const { signal } = this.#stop;
    const key = folder(this.link, this.service);
    const unsettledMs = this.link.unsettledMs;
    const forMs = Math.min(this.link.ttlMs, unsettledMs > 0 ? unsettledMs + 20 : Number.POSITIVE_INFINITY);
    const stream = await this.link.watchClient.watch();
    let timer: NodeJS.Timeout | undefined;
    let finish = (): void => {};
    let done = false;
    try {
      await new Promise<void>((resolve, reject) => {
        finish = resolve;
        timer = setTimeout(resolve, forMs);
        signal.addEventListener("abort", finish);
        if (signal.aborted) resolve();
        stream.on("error", reject);
        stream.on("end", () => reject(new Error("the watch has ended")));
        stream.on("data", (answer) => {
          if (done) return;
          // Cancelled, perhaps since the revision is compacted: list again.
          if (answer.canceled) resolve();
          else this.#apply(answer);
        });
        stream.write({
          create_request: { key: Buffer.from(key), range_end: prefixEnd(key), start_revision: (BigInt(revision) + 1n).toString() },
        });
      });
    } finally {
      done = true;
      clearTimeout(timer);
      signal.removeEventListener("abort", finish);
      // Ended before it is cancelled: a stream that breaks while it is open costs all others their connection.
      stream.end();
      stream.cancel();
    }
  }

  #apply(answer: IWatchResponse): void {
    for (const { type, kv } of answer.events) {
      const id = idOf(kv.key.toString());
      if (type === "Put") this.#put(id, kv.value.toString());
      // While etcd is unsettled the next list decides.
      else if (!this.link.unsettled) this.#members.delete(id);
    }
    this.#tell();
  }

  #put(id: string, value: string): void {
    if (value === GONE) this.#members.delete(id);
    else {
      const member = parse(id, value);
      // A bad value says nothing about the member: it is as if it had not been written.
      if (member) this.#members.set(id, member);
      else this.link.logger.warn({ service: this.service, id }, "a member's value is no good and ignored");
    }
  }

  #tell(): void {
    if (this.#stop.signal.aborted) return;
    const members = [...this.#members.values()];
    const text = JSON.stringify(members);
    if (text === this.#told) return;
    this.#told = text;
    try {
      this.listener(members);
    } catch (error) {
      this.link.logger.error({ err: error, service: this.service }, "a watcher failed");
    }
  }
}
