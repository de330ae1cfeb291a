import type { System } from "../support/system.js";
import { authorisationScenarios } from "./authorisation.js";
import { badInputScenarios } from "./bad-input.js";
import { blockScenarios } from "./blocks.js";
import { catchingUpScenarios } from "./catching-up.js";
import { contactScenarios } from "./contacts.js";
import { conversationScenarios } from "./conversations.js";
import { fileScenarios } from "./files.js";
import { groupGovernanceScenarios } from "./group-governance.js";
import { groupJoiningScenarios } from "./group-joining.js";
import { handshakeScenarios } from "./handshakes.js";
import { messageChangeScenarios } from "./message-changes.js";
import { notificationScenarios } from "./notifications.js";
import { presenceScenarios } from "./presence.js";
import { readingScenarios } from "./reading.js";
import { sendingScenarios } from "./sending.js";
import { sessionScenarios } from "./sessions.js";
import { typingScenarios } from "./typing.js";

/** Everything that must hold for people who use it, whatever the system is made of. */
export const allScenarios = (system: () => System): void => {
  conversationScenarios(system);
  catchingUpScenarios(system);
  sendingScenarios(system);
  readingScenarios(system);
  messageChangeScenarios(system);
  sessionScenarios(system);
  presenceScenarios(system);
  typingScenarios(system);
  handshakeScenarios(system);
  notificationScenarios(system);
  fileScenarios(system);
  badInputScenarios(system);
  groupGovernanceScenarios(system);
  blockScenarios(system);
  contactScenarios(system);
  groupJoiningScenarios(system);
  authorisationScenarios(system);
};
