import { type DestinationStream, type Logger as PinoLogger, pino } from "pino";

/** pino: JSON lines with `service`, `level`, `time` (ms) and `msg`. No tokens, no message text, ever. */
export type Logger = PinoLogger;

export const logLevels = ["trace", "debug", "info", "warn", "error", "fatal", "silent"] as const;

export interface LoggerOptions {
  service: string;
  level: (typeof logLevels)[number];
  destination?: DestinationStream;
}

export const createLogger = ({ service, level, destination }: LoggerOptions): Logger => {
  const options = {
    base: { service },
    level,
    formatters: { level: (label: string) => ({ level: label }) },
    // A last guard; callers are to log ids, not objects that hold secrets.
    redact: {
      paths: ["authorization", "token", "password", "access_token", "refresh_token", "*.authorization", "*.token", "*.password"],
      censor: "[redacted]",
    },
  };
  return destination ? pino(options, destination) : pino(options);
};
