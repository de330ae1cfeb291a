import { describe } from "vitest";
import { shape } from "../support/shape.js";
import { startSuiteSystem } from "../support/suite-system.js";
import { fileScenarios } from "./files.js";

describe("one process, blobs on S3", () => {
  fileScenarios(shape(() => startSuiteSystem({ IM_BLOB_URL: process.env["IM_BLOB_URL"] ?? "" })));
});
