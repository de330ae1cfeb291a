import { type ConfigOf, option } from "./config.js";
import { logLevels } from "./logger.js";

/** Settings that every process has. */
export const processOptions = {
  IM_HOST: option.text("Address to listen on.", "127.0.0.1"),
  IM_DATA_DIR: option.text("Folder of the embedded engines and of generated keys.", "./data"),
  IM_LOG_LEVEL: option.choice("Least level that is logged.", logLevels, "info"),
  IM_METRICS_PORT: option.port("Port of /metrics, /healthz and /readyz for operators.", "8090"),
  IM_DRAIN_S: option.integer("How long drain and stop may take after SIGTERM, seconds.", "30", 1, 600),
} as const;

export type ProcessConfig = ConfigOf<typeof processOptions>;
