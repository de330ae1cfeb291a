import { describe } from "vitest";
import { shape } from "../support/shape.js";
import { startSuiteSystem } from "../support/suite-system.js";
import { allScenarios } from "./scenarios.js";

describe("one process, embedded engines", () => {
  allScenarios(shape(() => startSuiteSystem()));
});
