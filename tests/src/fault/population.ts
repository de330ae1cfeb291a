import type { Called, Calls } from "./calls.js";
import { Device } from "./device.js";
import { hashOf, type Ledger, type SendRow } from "./ledger.js";

export interface Person {
  readonly id: string;
  readonly token: string;
}

/** A conversation as the driver knows it: its id, its members, and whom each names to send to it. */
export interface Conversation {
  readonly id: string;
  readonly members: readonly Person[];
  peerOf(sender: Person): string;
}

export interface PopulationOptions {
  readonly users: number;
  readonly groups: number;
  readonly groupSize: number;
  readonly calls: Calls;
  readonly wsUrls: readonly string[];
  readonly ledger: Ledger;
  /** Another way than HTTP to send a message; each try takes one of the two, by lot. */
  readonly alsoSend?: (from: string, body: SendBody) => Promise<Called>;
}

export interface SendBody {
  readonly to: string;
  readonly client_msg_id: string;
  readonly payload: object;
}

const RETRY_MS = 45_000;

/** People who talk: pairs and groups, every person with a device, every fourth with two, sending in closed loops. */
export class Population {
  readonly devices: Device[] = [];
  readonly conversations: Conversation[] = [];
  readonly people: Person[] = [];
  /** person → conversation → newest seq shown, for reads */
  readonly #seen = new Map<string, Map<string, number>>();
  #sending = false;
  #loops: Promise<void>[] = [];
  #serial = 0;

  private constructor(private readonly options: PopulationOptions) {}

  static async create(options: PopulationOptions): Promise<Population> {
    const population = new Population(options);
    await population.#populate();
    return population;
  }

  async #populate(): Promise<void> {
    const { calls, users, groups, groupSize, wsUrls, ledger } = this.options;
    const run = Date.now().toString(36);
    for (let n = 0; n < users; n++) {
      const account = `f${run}n${n}`;
      const register = { account, password: "a password for faults", device_id: "D1", platform: "test" };
      const { data } = await calls.must("POST", "/v1/auth/register", undefined, register);
      const person: Person = { id: String((data["user"] as { id: string }).id), token: String(data["access_token"]) };
      this.people.push(person);
      this.#seen.set(person.id, new Map());
      const tokens = [person.token];
      if (n % 4 === 0) {
        const second = await calls.must("POST", "/v1/auth/login", undefined, { ...register, device_id: "D2" });
        tokens.push(String(second.data["access_token"]));
      }
      for (const [index, token] of tokens.entries()) {
        this.devices.push(
          new Device({
            name: `${n}/${index}`,
            user: person.id,
            token,
            wsUrls,
            calls,
            ledger,
            onShown: (conversation, seq, from) => {
              if (from !== person.id) this.#seen.get(person.id)?.set(conversation, seq);
            },
          }),
        );
      }
    }
    const at = (n: number): Person => this.people[n % users] as Person;
    for (let n = 0; n < users; n++) {
      for (const step of [1, 7]) {
        const [a, b] = [at(n), at(n + step)];
        const id = a.id < b.id ? `${a.id}_${b.id}` : `${b.id}_${a.id}`;
        this.conversations.push({ id, members: [a, b], peerOf: (sender) => (sender.id === a.id ? b.id : a.id) });
      }
    }
    for (let g = 0; g < groups; g++) {
      const members = Array.from({ length: groupSize }, (_, n) => at(g * 3 + n));
      const owner = members[0] as Person;
      const { data } = await calls.must("POST", "/v1/groups", owner.token, {
        kind: "group",
        title: `group ${g}`,
        members: members.slice(1).map((member) => member.id),
      });
      const id = String(data["id"]);
      this.conversations.push({ id, members, peerOf: () => id });
    }
    for (const device of this.devices) device.start();
    await this.untilConnected(30_000);
  }

  async untilConnected(ms: number): Promise<void> {
    const deadline = Date.now() + ms;
    while (!this.devices.every((device) => device.connected)) {
      if (Date.now() > deadline) throw new Error("not every device is connected");
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  /** Begins to send: `loops` senders, each its next message when the last was answered (and after `pauseMs`). */
  start(loops: number, pauseMs: number): void {
    this.#sending = true;
    this.#loops = Array.from({ length: loops }, (_, index) => this.#loop(index, loops, pauseMs));
  }

  /** Ends sending; resolves when every send has its outcome. */
  async stop(): Promise<void> {
    this.#sending = false;
    await Promise.all(this.#loops);
  }

  async #loop(index: number, loops: number, pauseMs: number): Promise<void> {
    // Each sender belongs to one loop, so that a sender's sends never overlap and their order means something.
    const senders = this.people.filter((_, n) => n % loops === index);
    if (senders.length === 0) return;
    for (let round = 0; this.#sending; round++) {
      const sender = senders[round % senders.length] as Person;
      await this.#send(sender);
      if (round % 25 === 24) await this.#read(sender);
      await new Promise((resolve) => setTimeout(resolve, pauseMs * (0.5 + Math.random())));
    }
  }

  async #send(sender: Person): Promise<void> {
    const { calls, ledger, alsoSend } = this.options;
    const own = this.conversations.filter((conversation) => conversation.members.includes(sender));
    const conversation = own[Math.floor(Math.random() * own.length)] as Conversation;
    const n = ++this.#serial;
    const clientMsgId = `m${n}-${Math.random().toString(36).slice(2)}`;
    const payload = { msg_type: "custom", mark: clientMsgId, text: `message ${n} 你好 👋` };
    const body = { to: conversation.peerOf(sender), client_msg_id: clientMsgId, payload };
    const row: SendRow = {
      clientMsgId,
      conversation: conversation.id,
      sender: sender.id,
      n,
      payloadHash: hashOf(payload),
      tInvoke: Date.now(),
      tDone: 0,
      outcome: "unknown",
      id: "",
    };
    ledger.begin(row);
    // Some people give up after an unknown outcome; the others repeat with the same id until they know.
    const patient = Math.random() < 0.8;
    const deadline = Date.now() + RETRY_MS;
    for (let attempt = 0; ; attempt++) {
      const other = Math.random() < 0.5 ? alsoSend : undefined;
      const called = await (other ? other(sender.id, body) : calls.call("POST", "/v1/messages", sender.token, body));
      row.tDone = Date.now();
      if (called.status === 202) {
        row.outcome = "ok";
        row.id = String(called.data["id"]);
        break;
      }
      if (called.status >= 400 && called.status < 500 && called.status !== 429) {
        row.outcome = "fail";
        ledger.violation(`a good send was refused: ${called.status} ${called.code} ${JSON.stringify(called.data)}`);
        break;
      }
      if (!patient || Date.now() > deadline) break;
      await new Promise((resolve) => setTimeout(resolve, Math.random() * Math.min(1_000, 50 * 2 ** attempt)));
    }
    // And some repeat although it was answered, as after an answer that was lost on its way.
    if (row.outcome === "ok" && Math.random() < 0.05) await calls.call("POST", "/v1/messages", sender.token, body);
    ledger.end(row);
  }

  async #read(person: Person): Promise<void> {
    const seen = [...(this.#seen.get(person.id) ?? [])];
    const [id, seq] = seen[Math.floor(Math.random() * seen.length)] ?? [];
    const conversation = this.conversations.find((candidate) => candidate.id === id);
    if (!conversation || seq === undefined) return;
    await this.options.calls.call("POST", `/v1/dialogs/${conversation.peerOf(person)}/read`, person.token, {
      seq: Math.max(1, seq - Math.floor(Math.random() * 3)),
    });
  }

  async close(): Promise<void> {
    await Promise.all(this.devices.map((device) => device.stop()));
  }
}
