import { describe } from "vitest";
import { withRealEngines } from "../support/real-engines.js";
import { shape } from "../support/shape.js";
import { startSuiteSystem } from "../support/suite-system.js";
import { allScenarios } from "./scenarios.js";

describe("one process, real engines", () => {
  allScenarios(shape(() => withRealEngines(startSuiteSystem)));
});
