export * from "./apply.js";
export * from "./decode.js";
export type { CommandOutcome, Delivery, Effects } from "./draft.js";
export { MENTION_ALL, SYSTEM_SENDER } from "./messages.js";
