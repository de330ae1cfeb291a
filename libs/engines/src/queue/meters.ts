import type { Metrics } from "@dunlin/runtime";

/** What went wrong, as a label: few and fixed. */
export type QueueErrorKind = "produce" | "full" | "consume" | "batch" | "position" | "lost" | "stalled" | "log";

/** The queue's metrics, the same for both engines. */
export interface QueueMeters {
  produced(topic: string, records: number, seconds: number): void;
  consumed(topic: string, group: string, records: number): void;
  error(kind: QueueErrorKind): void;
}

/** One name for all deliveries.<slot>: a thousand slots would be a thousand series. */
export const family = (topic: string): string => (topic.startsWith("deliveries.") ? "deliveries" : topic);

const cached = <T>(make: (a: string, b: string) => T): ((a: string, b: string) => T) => {
  const known = new Map<string, T>();
  return (a, b) => {
    const name = `${a} ${b}`;
    let found = known.get(name);
    if (found === undefined) {
      found = make(family(a), b);
      known.set(name, found);
    }
    return found;
  };
};

export const queueMeters = (metrics: Metrics): QueueMeters => {
  const seconds = metrics.histogram("dunlin_queue_produce_seconds", "From produce to durable.", ["topic"]);
  const produced = metrics.counter("dunlin_queue_produced_total", "Records made durable.", ["topic"]);
  const consumed = metrics.counter("dunlin_queue_consumed_total", "Records whose batch was handled.", ["topic", "group"]);
  const errors = metrics.counter("dunlin_queue_errors_total", "Failures of the queue.", ["kind"]);
  const secondsOf = cached((topic) => seconds.labels(topic));
  const producedOf = cached((topic) => produced.labels(topic));
  const consumedOf = cached((topic, group) => consumed.labels(topic, group));
  return {
    produced: (topic, records, elapsed) => {
      secondsOf(topic, "").observe(elapsed);
      producedOf(topic, "").inc(records);
    },
    consumed: (topic, group, records) => consumedOf(topic, group).inc(records),
    error: (kind) => errors.labels(kind).inc(),
  };
};
