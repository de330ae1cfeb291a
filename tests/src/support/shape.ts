import { afterAll, beforeAll } from "vitest";
import type { System } from "./system.js";

/** Starts a system for all tests of a file and stops it after them; the stop is part of what is tested. */
export const shape = (start: () => Promise<System>): (() => System) => {
  let system: System | undefined;
  beforeAll(async () => {
    system = await start();
  }, 120_000);
  afterAll(() => system?.stop(), 120_000);
  return () => {
    if (!system) throw new Error("the system has not started");
    return system;
  };
};
