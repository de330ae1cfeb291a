import { sys } from "@dunlin/proto";
import { credentials, Metadata, type ServiceError } from "@grpc/grpc-js";
import type { System } from "./system.js";

const DEADLINE_MS = 10_000;

/** Calls of the internal interface, with a service's credential. */
export class SysClient {
  readonly #messages: sys.MessageServiceClient;

  constructor(
    private readonly system: System,
    address = system.grpcAddresses[0] ?? "",
  ) {
    this.#messages = new sys.MessageServiceClient(address, credentials.createInsecure());
  }

  async notify(request: sys.SendNotificationRequest): Promise<sys.SendNotificationResponse> {
    const metadata = new Metadata();
    metadata.set("authorization", `Bearer ${await this.system.tokens().issueService("tests")}`);
    return new Promise((resolve, reject) => {
      const done = (error: ServiceError | null, answer: sys.SendNotificationResponse): void => (error ? reject(error) : resolve(answer));
      this.#messages.sendNotification(request, metadata, { deadline: Date.now() + DEADLINE_MS }, done);
    });
  }

  close(): void {
    this.#messages.close();
  }
}
