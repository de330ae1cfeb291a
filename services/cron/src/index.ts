export * from "./config.js";
export * from "./context.js";
export * from "./service.js";
