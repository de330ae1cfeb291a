import { afterEach, describe } from "vitest";
import { durabilityContract } from "./contract/durability.js";
import type { QueueHarness } from "./contract/fixture.js";
import { groupsContract } from "./contract/groups.js";
import { positionsContract } from "./contract/positions.js";
import { topicsContract } from "./contract/topics.js";

/** What every queue engine must do. */
export const queueContract = (name: string, harness: QueueHarness): void => {
  describe(`queue contract: ${name}`, () => {
    afterEach(() => harness.release());
    describe("durability", () => durabilityContract(harness));
    describe("groups", () => groupsContract(harness));
    describe("positions", () => positionsContract(harness));
    describe("topics", () => topicsContract(harness));
  });
};
