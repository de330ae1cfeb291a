import { sleep } from "@dunlin/runtime";
import { HttpConnection } from "./http.js";

// A process of its own: closed-loop senders over keep-alive connections, each sending its next message when the last was
// answered; or, with a rate, senders that together keep to it.

export interface SenderRequest {
  readonly apiUrl: string;
  readonly users: readonly { id: string; token: string }[];
  readonly connections: number;
  /** Messages in one request: 1 is POST /v1/messages, more is the batch call. */
  readonly batch: number;
  /** Messages a second together; 0 is as fast as answers come. */
  readonly rate: number;
  readonly warmupMs: number;
  readonly durationMs: number;
}

export interface SenderReport {
  readonly accepted: number;
  readonly refused: number;
  readonly firstError: string;
  /** ms from the call to its answer, a bounded sample */
  readonly latencies: number[];
  readonly seconds: number;
}

const SAMPLES = 200_000;
const nowMs = (): number => Number(process.hrtime.bigint()) / 1e6;
const run = process.pid.toString(36) + Date.now().toString(36);
let serial = 0;

/** A text of 120 bytes that carries when it was sent. */
const text = (): string => `t0=${nowMs().toFixed(3)} `.padEnd(120, "x");

const message = (to: string): string =>
  `{"to":"${to}","client_msg_id":"${run}-${serial++}","payload":{"msg_type":"text","text":"${text()}"}}`;

process.once("message", (request: SenderRequest) => void main(request));

const main = async (request: SenderRequest): Promise<void> => {
  const { users, batch } = request;
  let accepted = 0;
  let refused = 0;
  let firstError = "";
  let latencies: number[] = [];
  const began = nowMs();
  const counted = began + request.warmupMs;
  const end = counted + request.durationMs;
  const pick = (): { id: string; token: string } => users[Math.floor(Math.random() * users.length)] as { id: string; token: string };
  const interval = request.rate > 0 ? (1000 * batch * request.connections) / request.rate : 0;

  const loop = async (index: number): Promise<void> => {
    const connection = new HttpConnection(request.apiUrl);
    await connection.open();
    let due = began + interval * (index / request.connections);
    while (nowMs() < end) {
      if (interval > 0) {
        const wait = due - nowMs();
        due += interval;
        if (wait > 0) await sleep(wait);
      }
      const from = pick();
      const to = (): string => {
        let other = pick();
        while (other.id === from.id) other = pick();
        return other.id;
      };
      const t0 = nowMs();
      const answer =
        batch === 1
          ? await connection.post("/v1/messages", from.token, message(to()))
          : await connection.post(
              "/v1/messages/batch",
              from.token,
              `{"messages":[${Array.from({ length: batch }, () => message(to())).join(",")}]}`,
            );
      const t1 = nowMs();
      if (t1 < counted || t1 > end) continue;
      const good = batch === 1 ? Number(answer.status === 202) : (answer.body.match(/"state":"accepted"/g) ?? []).length;
      accepted += good;
      refused += batch - good;
      if (good < batch && firstError === "") firstError = `${answer.status} ${answer.body.slice(0, 300)}`;
      if (latencies.length < SAMPLES) latencies.push(t1 - t0);
    }
    connection.close();
  };
  await Promise.all(Array.from({ length: request.connections }, (_, index) => loop(index)));
  const report: SenderReport = { accepted, refused, firstError, latencies, seconds: request.durationMs / 1000 };
  latencies = [];
  process.send?.(report, undefined, undefined, () => process.exit(0));
};
