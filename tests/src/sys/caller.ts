import { Client, credentials, type Deadline, Metadata, type ServiceError, type status } from "@grpc/grpc-js";

export interface Method<Request, Response> {
  readonly path: string;
  readonly requestSerialize: (request: Request) => Buffer;
  readonly responseDeserialize: (bytes: Buffer) => Response;
}

export interface CallOptions {
  /** The service credential; null for none. */
  readonly token?: string | null;
  readonly deadline?: Deadline;
}

/** Calls any method of the internal interface, on a connection of its own. */
export class Caller {
  readonly #client: Client;

  constructor(
    address: string,
    private readonly token: string,
  ) {
    this.#client = new Client(address, credentials.createInsecure(), {
      "grpc.use_local_subchannel_pool": 1,
      "grpc.max_send_message_length": -1,
    });
  }

  /** @throws ServiceError */
  ask<Request, Response>(method: Method<Request, Response>, request: Request, options: CallOptions = {}): Promise<Response> {
    return this.send(method.path, method.requestSerialize(request), method.responseDeserialize, options);
  }

  /** Sends bytes as they are. @throws ServiceError */
  send<Response>(path: string, bytes: Buffer, decode: (bytes: Buffer) => Response, options: CallOptions = {}): Promise<Response> {
    const { token = this.token, deadline } = options;
    const metadata = new Metadata();
    if (token !== null) metadata.set("authorization", `Bearer ${token}`);
    return new Promise((resolve, reject) => {
      this.#client.makeUnaryRequest(
        path,
        (value: Buffer) => value,
        decode,
        bytes,
        metadata,
        deadline === undefined ? {} : { deadline },
        (error, response) => (error ? reject(error) : resolve(response as Response)),
      );
    });
  }

  close(): void {
    this.#client.close();
  }
}

/** How a call failed: its status, the code of the error table, and the text. @throws Error when it did not. */
export const failureOf = async (call: Promise<unknown>): Promise<{ status: status; code: number; text: string }> => {
  let answer: unknown;
  try {
    answer = await call;
  } catch (error) {
    const { code, metadata, details } = error as ServiceError;
    return { status: code, code: Number(metadata.get("dunlin-code")[0] ?? -1), text: details };
  }
  throw new Error(`the call succeeded: ${JSON.stringify(answer)}`);
};
