import { durableTopics } from "@dunlin/domain";
import type { Consumer } from "@dunlin/engines/queue";
import { PUSHES } from "@dunlin/proto";
import type { Service } from "@dunlin/runtime";
import { PushConsumer } from "./consumer.js";
import type { PnContext } from "./context.js";
import { Sender } from "./sender.js";

const GROUP = "pn";
/** Pushes of one partition at a time. */
const BATCH = 200;

export const createPnService = (context: PnContext): Service => {
  const { config, logger, queue, provider } = context;
  const pushes = new PushConsumer(context, new Sender(context));
  let consumer: Consumer | undefined;
  const close = async (): Promise<void> => {
    await consumer?.close();
    consumer = undefined;
  };
  return {
    name: "pn",
    start: async () => {
      await queue.ensureTopics(durableTopics(config.IM_QUEUE_PARTITIONS));
      consumer = await queue.consume({
        group: GROUP,
        topic: PUSHES,
        maxRecords: BATCH,
        onBatch: (batch) => pushes.take(batch),
        onError: (error) => logger.warn({ err: error }, "the pushes' consumer goes on after an error"),
      });
      logger.info({ provider: provider.name }, "pushes are consumed");
    },
    // Sends under way end, with their timeout as the limit; what was not tried yet comes again after the next start.
    drain: close,
    stop: close,
  };
};
