import { describe } from "vitest";
import { accountsContract } from "./contract/accounts.js";
import { annotationsContract } from "./contract/annotations.js";
import { contactsContract } from "./contract/contacts.js";
import { crashContract } from "./contract/crash.js";
import { dialogsContract } from "./contract/dialogs.js";
import { dndContract } from "./contract/dnd.js";
import { emailCodesContract } from "./contract/email-codes.js";
import { filesContract } from "./contract/files.js";
import type { StoreHarness } from "./contract/fixture.js";
import { groupsContract } from "./contract/groups.js";
import { ingestContract } from "./contract/ingest.js";
import { messagesContract } from "./contract/messages.js";
import { presenceContract } from "./contract/presence.js";
import { scheduledContract } from "./contract/scheduled.js";
import { searchContract } from "./contract/search.js";
import { supergroupsContract } from "./contract/supergroups.js";

/** What every engine of the store must do. `harness` is asked inside the tests, so it may be set up in beforeAll. */
export const storeContract = (name: string, harness: () => StoreHarness): void => {
  describe(name, () => {
    describe("accounts", () => accountsContract(harness));
    describe("e-mail codes", () => emailCodesContract(harness));
    describe("messages", () => messagesContract(harness));
    describe("groups", () => groupsContract(harness));
    describe("annotations", () => annotationsContract(harness));
    describe("do not disturb", () => dndContract(harness));
    describe("scheduled messages", () => scheduledContract(harness));
    describe("presence", () => presenceContract(harness));
    describe("dialogs", () => dialogsContract(harness));
    describe("ingest", () => ingestContract(harness));
    describe("contacts", () => contactsContract(harness));
    describe("files", () => filesContract(harness));
    describe("supergroups", () => supergroupsContract(harness));
    describe("search", () => searchContract(harness));
    describe("crash", () => crashContract(harness));
  });
};
