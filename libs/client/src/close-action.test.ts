import { expect, test } from "vitest";
import { closeAction } from "./close-action.js";

test.each([
  [1000, "reconnect"],
  [1001, "reconnect"],
  [1006, "reconnect"],
  [1012, "reconnect"],
  [4000, "reconnect"],
  [4099, "reconnect"],
  [4100, "refresh"],
  [4107, "refresh"],
  [4199, "refresh"],
  [4200, "reconnect"],
  [4400, "stop"],
  [4403, "stop"],
  [4999, "stop"],
] as const)("close code %i: %s", (code, action) => {
  expect(closeAction(code)).toBe(action);
});
