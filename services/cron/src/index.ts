export * from "./config.js";
export * from "./context.js";
export type { Schedule } from "./schedule.js";
export * from "./service.js";
