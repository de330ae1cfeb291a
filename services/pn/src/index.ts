export * from "./config.js";
export * from "./context.js";
export * from "./log-provider.js";
export * from "./provider.js";
export * from "./service.js";
