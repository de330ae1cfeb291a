import { Tokens } from "@dunlin/domain";
import { sys } from "@dunlin/proto";
import { credentials, Metadata, type ServiceError, status } from "@grpc/grpc-js";
import type { Called } from "./calls.js";
import type { SendBody } from "./population.js";

const TIMEOUT_MS = 8_000;
/** A credential lives five minutes. */
const RENEW_MS = 120_000;

/** What says that the call itself was wrong; everything else leaves open whether the message was taken. */
const FINAL = new Set<number>([status.INVALID_ARGUMENT, status.NOT_FOUND, status.PERMISSION_DENIED, status.UNAUTHENTICATED]);

/** Sends through several syssvc, as another service of the operator's does; each try goes to the next. */
export class SysSends {
  /** Calls that ended without an answer to rely on. */
  unanswered = 0;
  readonly #clients: sys.MessageServiceClient[];
  readonly #tokens: Tokens;
  #credential: { metadata: Metadata; until: number } | undefined;
  #turn = 0;

  constructor(addresses: readonly string[], authKey: string) {
    this.#clients = addresses.map(
      (address) => new sys.MessageServiceClient(address, credentials.createInsecure(), { "grpc.max_reconnect_backoff_ms": 1_000 }),
    );
    this.#tokens = new Tokens(Buffer.from(authKey), 900, { now: Date.now });
  }

  /** The outcome in the words of HTTP: 202, 400 when it was refused for good, 0 when the outcome is unknown. */
  readonly send = async (from: string, body: SendBody): Promise<Called> => {
    const client = this.#clients[this.#turn++ % this.#clients.length] as sys.MessageServiceClient;
    const metadata = await this.#metadata();
    const request = sys.SendMessageRequest.fromPartial({
      from,
      to: body.to,
      clientMsgId: body.client_msg_id,
      payload: JSON.stringify(body.payload),
    });
    return new Promise((resolve) => {
      client.sendMessage(request, metadata, { deadline: Date.now() + TIMEOUT_MS }, (error: ServiceError | null, answer) => {
        if (!error) return resolve({ status: 202, code: 0, data: { id: answer.id } });
        if (FINAL.has(error.code)) return resolve({ status: 400, code: error.code, data: {}, error: error.message });
        this.unanswered += 1;
        resolve({ status: 0, code: 0, data: {}, error: error.message });
      });
    });
  };

  async #metadata(): Promise<Metadata> {
    if (this.#credential === undefined || this.#credential.until <= Date.now()) {
      const metadata = new Metadata();
      metadata.set("authorization", `Bearer ${await this.#tokens.issueService("fault")}`);
      this.#credential = { metadata, until: Date.now() + RENEW_MS };
    }
    return this.#credential.metadata;
  }

  close(): void {
    for (const client of this.#clients) client.close();
  }
}
