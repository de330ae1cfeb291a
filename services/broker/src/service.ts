import type { Service } from "@dunlin/runtime";
import type { BrokerContext } from "./context.js";
import { createGateway } from "./gateway/gateway.js";
import { createIngest } from "./ingest/ingest.js";

export interface BrokerService extends Service {
  /** The WebSocket ports that were bound; empty before start and without the role gateway. */
  readonly wsPorts: readonly number[];
}

/** brokersvc with the roles whose parts the context has. */
export const createBrokerService = (ctx: BrokerContext): BrokerService => {
  // In order of starting; they drain and stop in reverse. Ingest comes first, so that the gateway drains before it.
  const parts: Service[] = [];
  if (ctx.ingest) parts.push(createIngest(ctx.ingest));
  const gateway = ctx.gateway && createGateway(ctx.gateway);
  if (gateway) parts.push(gateway);
  const backwards = async (phase: "drain" | "stop"): Promise<void> => {
    const failures: unknown[] = [];
    for (const part of [...parts].reverse()) {
      try {
        await part[phase]();
      } catch (cause) {
        failures.push(new Error(`${part.name}: ${phase} failed`, { cause }));
      }
    }
    if (failures.length > 0) throw new AggregateError(failures, `${phase} failed`);
  };
  return {
    name: "broker",
    get wsPorts() {
      return gateway?.ports ?? [];
    },
    start: async () => {
      for (const part of parts) await part.start();
    },
    drain: () => backwards("drain"),
    stop: () => backwards("stop"),
  };
};
