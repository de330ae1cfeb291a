export * from "./query.js";
export * from "./search.js";
export * from "./texts.js";
