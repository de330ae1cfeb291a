import { expect, test } from "vitest";
import { withRealEngines } from "../support/real-engines.js";
import { shape } from "../support/shape.js";
import { startSuiteSystem } from "../support/suite-system.js";
import { playHistories, showFailure } from "./histories.js";
import { modelSettings } from "./settings.js";

const HISTORIES = 20;

const system = shape(() => withRealEngines((engines) => startSuiteSystem({ ...engines, ...modelSettings })));

test("devices agree on real engines too", async () => {
  const seed = Math.floor(Math.random() * 1_000_000_000);
  process.stdout.write(`seed ${seed}\n`);
  const { failures } = await playHistories({ system: system(), seed, histories: HISTORIES, operations: 50, atOnce: 4 });
  expect(failures.map(showFailure).join("\n"), `seed ${seed}`).toBe("");
}, 400_000);
