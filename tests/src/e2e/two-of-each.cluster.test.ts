import { describe } from "vitest";
import { startClusterSystem } from "../support/cluster-system.js";
import { withRealEngines } from "../support/real-engines.js";
import { shape } from "../support/shape.js";
import { allScenarios } from "./scenarios.js";

describe("every service its own process, two of each, real engines", () => {
  allScenarios(shape(() => withRealEngines(startClusterSystem)));
});
