import type { Calls } from "./calls.js";
import type { Ledger, ReceiptRow } from "./ledger.js";
import type { Conversation, Person, Population } from "./population.js";

export interface Verdict {
  /** Each broken rule, by its letter; empty when all hold. */
  readonly broken: string[];
  readonly ok: number;
  readonly unknown: number;
  readonly receipts: number;
  readonly doubles: number;
  readonly reconnects: number;
}

const QUIET_MS = 120_000;

/** Waits until every device has shown all that its user's log holds. @throws Error when that does not come about. */
export const untilQuiet = async (population: Population, calls: Calls): Promise<void> => {
  const deadline = Date.now() + QUIET_MS;
  const tokens = new Map(population.people.map((person) => [person.id, person.token]));
  let still = 0;
  let last = "";
  while (still < 3) {
    const newest = new Map<string, number>();
    for (const [id, token] of tokens) {
      const { data } = await calls.must("GET", "/v1/updates?pts=0&limit=1", token);
      newest.set(id, Number(data["pts"]));
    }
    const behind = population.devices.filter((device) => device.pts < (newest.get(device.user) ?? 0));
    const state = [...newest.values()].join(",");
    still = behind.length === 0 && state === last ? still + 1 : 0;
    last = state;
    if (still < 3) await new Promise((resolve) => setTimeout(resolve, 500));
    if (Date.now() > deadline) {
      throw new Error(`not quiet: ${behind.map((device) => `${device.name} at ${device.pts} of ${newest.get(device.user)}`).join("; ")}`);
    }
  }
};

interface StoredMessage {
  readonly id: string;
  readonly seq: number;
  readonly from: string;
  readonly payload: { mark?: string };
}

const history = async (calls: Calls, person: Person, peer: string): Promise<StoredMessage[]> => {
  const messages: StoredMessage[] = [];
  for (let after = 0; ; ) {
    const { data } = await calls.must("GET", `/v1/dialogs/${peer}/messages?after_seq=${after}&limit=100`, person.token);
    const items = data["items"] as StoredMessage[];
    messages.push(...items);
    const last = items.at(-1);
    if (!last || items.length < 100) return messages;
    after = last.seq;
  }
};

/** The rules L D O G P U of the ledger, over all that was sent and shown. */
export const check = async (population: Population, ledger: Ledger, calls: Calls): Promise<Verdict> => {
  const broken: string[] = [...ledger.violations.map((text) => `! ${text}`)];
  const byDevice = new Map<string, ReceiptRow[]>();
  for (const row of ledger.receipts) {
    const rows = byDevice.get(row.device);
    if (rows) rows.push(row);
    else byDevice.set(row.device, [row]);
  }
  const conversations = new Map(population.conversations.map((conversation) => [conversation.id, conversation]));

  for (const device of population.devices)
    checkDevice(device.name, device.user, byDevice.get(device.name) ?? [], ledger, conversations, broken);
  await checkLogs(population, calls, broken);
  for (const conversation of population.conversations) await checkStore(conversation, ledger, calls, broken);

  const outcomes = [...ledger.sends.values()];
  return {
    broken,
    ok: outcomes.filter((row) => row.outcome === "ok").length,
    unknown: outcomes.filter((row) => row.outcome === "unknown").length,
    receipts: ledger.receipts.length,
    doubles: population.devices.reduce((sum, device) => sum + device.doubles, 0),
    reconnects: population.devices.reduce((sum, device) => sum + device.connects - 1, 0),
  };
};

const checkDevice = (
  name: string,
  user: string,
  rows: readonly ReceiptRow[],
  ledger: Ledger,
  conversations: ReadonlyMap<string, Conversation>,
  broken: string[],
): void => {
  const shown = new Map<string, ReceiptRow>();
  const lastSeq = new Map<string, number>();
  for (const row of rows) {
    const send = ledger.sends.get(row.clientMsgId);
    if (!send) broken.push(`G ${name} was shown ${row.clientMsgId}, which nobody sent`);
    else if (send.payloadHash !== row.payloadHash || send.sender !== row.from || send.conversation !== row.conversation) {
      broken.push(`G ${name} was shown ${row.clientMsgId} changed`);
    }
    if (!conversations.get(row.conversation)?.members.some((member) => member.id === user))
      broken.push(`G ${name} is no member of ${row.conversation}`);
    if (shown.has(row.clientMsgId)) broken.push(`D ${name} was shown ${row.clientMsgId} twice`);
    shown.set(row.clientMsgId, row);
    const before = lastSeq.get(row.conversation) ?? 0;
    if (row.seq !== before + 1) broken.push(`O ${name} in ${row.conversation}: seq ${row.seq} after ${before}`);
    lastSeq.set(row.conversation, row.seq);
  }
  for (const send of ledger.sends.values()) {
    if (send.outcome !== "ok") continue;
    if (!conversations.get(send.conversation)?.members.some((member) => member.id === user)) continue;
    if (!shown.has(send.clientMsgId))
      broken.push(`L ${name} was never shown ${send.clientMsgId} (ok at ${new Date(send.tDone).toISOString()})`);
  }
};

/** P: every user's log has no gap, and every device showed exactly what it holds. */
const checkLogs = async (population: Population, calls: Calls, broken: string[]): Promise<void> => {
  for (const person of population.people) {
    const log: string[] = [];
    for (let pts = 0; ; ) {
      const { data } = await calls.must("GET", `/v1/updates?pts=${pts}&limit=500`, person.token);
      const updates = data["updates"] as { pts: number }[];
      for (const update of updates) {
        if (update.pts !== pts + 1) broken.push(`P ${person.id}: pts ${update.pts} after ${pts}`);
        pts = update.pts;
        log[pts] = JSON.stringify(update);
      }
      if (data["has_more"] !== true || updates.length === 0) {
        if (Number(data["pts"]) !== pts) broken.push(`P ${person.id}: the log ends at ${pts}, its newest is ${String(data["pts"])}`);
        break;
      }
    }
    for (const device of population.devices) {
      if (device.user !== person.id) continue;
      const differing = log.findIndex((entry, pts) => pts > 0 && entry !== device.shown[pts]);
      if (differing > 0)
        broken.push(`P ${device.name} showed at pts ${differing} ${device.shown[differing]}, the log has ${log[differing]}`);
    }
  }
};

/** L and O in the store (seen as each member), each sender's order, and U. */
const checkStore = async (conversation: Conversation, ledger: Ledger, calls: Calls, broken: string[]): Promise<void> => {
  let agreed: string | undefined;
  for (const [index, member] of conversation.members.entries()) {
    const peer = conversation.peerOf(member);
    const sent = [...ledger.sends.values()].filter((row) => row.conversation === conversation.id);
    const { status, data } = await calls.call("GET", `/v1/dialogs/${peer}`, member.token);
    if (status === 404 && sent.every((row) => row.outcome !== "ok")) continue;
    const stored = await history(calls, member, peer);
    stored.forEach((message, at) => {
      if (message.seq !== at + 1) broken.push(`O store of ${conversation.id}: seq ${message.seq} at place ${at + 1}`);
    });
    const view = stored.map((message) => message.payload.mark).join(" ");
    agreed ??= view;
    if (view !== agreed) broken.push(`O members of ${conversation.id} do not agree`);
    const readSeq = Number(data["read_seq"]);
    const unread = stored.filter((message) => message.seq > readSeq && message.from !== member.id).length;
    if (Number(data["unread"]) !== unread) {
      broken.push(`U ${member.id} in ${conversation.id}: unread ${String(data["unread"])}, recomputed ${unread} behind ${readSeq}`);
    }
    if (index > 0) continue;
    const place = new Map<string, number>();
    for (const message of stored) {
      const mark = String(message.payload.mark);
      if (place.has(mark)) broken.push(`D store of ${conversation.id} holds ${mark} twice`);
      place.set(mark, message.seq);
    }
    const lastOf = new Map<string, { n: number; seq: number }>();
    for (const row of sent.sort((a, b) => a.n - b.n)) {
      const seq = place.get(row.clientMsgId);
      if (row.outcome !== "ok") continue;
      if (seq === undefined) {
        broken.push(`L store of ${conversation.id} lacks ${row.clientMsgId}`);
        continue;
      }
      const last = lastOf.get(row.sender);
      if (last && last.seq > seq)
        broken.push(`O ${row.sender} in ${conversation.id}: send ${row.n} at seq ${seq}, the earlier ${last.n} at ${last.seq}`);
      lastOf.set(row.sender, { n: row.n, seq });
    }
  }
};
