import { describe } from "vitest";
import { shape } from "../support/shape.js";
import { startSuiteSystem } from "../support/suite-system.js";
import { openApiWalk } from "./openapi-walk.js";
import { redirectedFileScenarios } from "./redirected-files.js";
import { allScenarios } from "./scenarios.js";

describe("one process, embedded engines", () => {
  const system = shape(() => startSuiteSystem());
  const walk = openApiWalk(system);
  walk.begin();
  allScenarios(system);
  redirectedFileScenarios();
  walk.end();
});
