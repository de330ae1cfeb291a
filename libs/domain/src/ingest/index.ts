export * from "./affected.js";
export * from "./apply.js";
export { CONTACTS_MAX } from "./contacts.js";
export * from "./decode.js";
export { DIALOG_PINS_MAX, DRAFT_MAX } from "./dialogs.js";
export type { CommandOutcome, Delivery, Effects } from "./draft.js";
export { MENTION_ALL, notifyKey, SYSTEM_SENDER, toldOf } from "./messages.js";
export type { CommandBody, IngestRules } from "./rule.js";
export { SCHEDULED_MAX } from "./scheduled.js";
