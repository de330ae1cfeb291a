import { expect, test } from "vitest";
import { shape } from "../support/shape.js";
import { startSuiteSystem } from "../support/suite-system.js";
import type { Wanted } from "./device-state.js";
import { DeviceState } from "./device-state.js";
import { playHistories, showFailure } from "./histories.js";
import { modelSettings } from "./settings.js";

const HISTORIES = 40;
const OPERATIONS = 50;

const system = shape(() => startSuiteSystem(modelSettings));

/** A device that does not take in what others of the user's devices have read. */
class Forgetful extends DeviceState {
  override update(update: Parameters<DeviceState["update"]>[0]): Wanted[] {
    return update.type === "READ" ? [] : super.update(update);
  }
}

test("whatever happens, devices that followed live, came and went, pulled the difference or loaded anew agree", async () => {
  const seed = Math.floor(Math.random() * 1_000_000_000);
  const line = `seed ${seed}: npm run fault -- model --seed ${seed} --histories ${HISTORIES}`;
  process.stdout.write(`${line}\n`);
  const { failures, messages } = await playHistories({
    system: system(),
    seed,
    histories: HISTORIES,
    operations: OPERATIONS,
    atOnce: 8,
  });
  expect(failures.map(showFailure).join("\n"), line).toBe("");
  expect(messages).toBeGreaterThan(HISTORIES * 5);
}, 400_000);

test("a device that forgets reads is found, with few operations left of its history", async () => {
  const { failures } = await playHistories({
    system: system(),
    seed: 4_000,
    histories: 12,
    operations: OPERATIONS,
    atOnce: 8,
    failuresMax: 1,
    make: (me) => new Forgetful(me),
  });
  const [failure] = failures;
  expect(failure?.problems.join("\n")).toMatch(/read_seq|unread/);
  expect(failure?.operations.length).toBeLessThan(15);
}, 200_000);
