import type { Metrics } from "@dunlin/runtime";

/** Counts requests and their time by route. Labels are routes of the table, never URLs: their number is bounded. */
export class RequestMetrics {
  readonly #requests;
  readonly #seconds;

  constructor(metrics: Metrics) {
    this.#requests = metrics.counter("dunlin_api_requests_total", "HTTP requests answered.", ["route", "status"]);
    this.#seconds = metrics.histogram("dunlin_api_request_seconds", "Time from a request's headers to its answer.", ["route"]);
  }

  /** A function to call for each answer; what belongs to the labels is looked up once. */
  forRoute(route: string): (status: number, seconds: number) => void {
    const histogram = this.#seconds.labels(route);
    const counters = new Map<number, { inc(): void }>();
    return (status, seconds) => {
      let counter = counters.get(status);
      if (!counter) {
        counter = this.#requests.labels(route, String(status));
        counters.set(status, counter);
      }
      counter.inc();
      histogram.observe(seconds);
    };
  }
}
