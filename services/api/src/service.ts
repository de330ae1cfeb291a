import type { RequestListener } from "node:http";
import { subscribeControl } from "@dunlin/domain";
import { openMailer } from "@dunlin/engines/mail";
import { Closer, type Service, sleep } from "@dunlin/runtime";
import { createApi } from "./api.js";
import type { ApiContext } from "./context.js";
import { createApp } from "./http/app.js";
import type { InFlight } from "./http/dispatch.js";
import { nativeMessages } from "./http/native-messages.js";
import { closeServer, createHttpServer, listen } from "./http/server.js";

export interface ApiService extends Service {
  /** The bound port; 0 before start. */
  readonly port: number;
}

/** apisvc: every operation of clients over HTTP. */
export const createApiService = (ctx: ApiContext): ApiService => {
  const { config, health, logger } = ctx;
  const closer = new Closer();
  const mailer = openMailer(config, ctx);
  closer.add("mailer", () => mailer.close());
  const api = createApi(ctx, mailer);
  const inFlight: InFlight = { count: 0, max: config.IM_API_MAX_IN_FLIGHT };
  const app = createApp(api, inFlight);
  let draining = false;
  const listener: RequestListener = (req, res) => {
    // A connection that is kept alive would outlive the drain: it ends with its next answer.
    if (draining) res.shouldKeepAlive = false;
    app(req, res);
  };
  const server = createHttpServer(listener, config, nativeMessages(app));
  let port = 0;
  return {
    name: "api",
    get port() {
      return port;
    },
    start: async () => {
      const control = await subscribeControl(ctx.cache, (order) => api.sessions.apply(order));
      closer.add("control", () => control.close());
      // What was missed while pub/sub was away is found by the next check of each session.
      await api.results.start();
      closer.add("results", () => api.results.close());
      await api.gateways.start();
      closer.add("gateways", () => api.gateways.close());
      await api.live.start();
      closer.add("live gateways", () => api.live.stop());
      closer.add("images", () => api.images.close());
      port = await listen(server, config.IM_API_PORT, config.IM_HOST);
      closer.add("server", () => closeServer(server, 0));
      logger.info({ port }, "http interface");
    },
    drain: async () => {
      health.drain();
      draining = true;
      await sleep(config.IM_API_DRAIN_DELAY_S * 1000);
      // Leaves some of the time for what is closed afterwards.
      await closeServer(server, config.IM_DRAIN_S * 500);
    },
    stop: () => closer.close(),
  };
};
