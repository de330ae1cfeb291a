export * from "./config.js";
export * from "./control.js";
export * from "./frames.js";
export * from "./ids.js";
export * from "./ingest/index.js";
export * from "./signing-key.js";
export * from "./tokens.js";
export * from "./topics.js";
