import { expect, test } from "vitest";
import { ConfigError, describeOptions, loadConfig, option, unknownSettings } from "./config.js";

const table = {
  IM_TEST_PORT: option.port("A port.", "8080"),
  IM_TEST_LEVEL: option.choice("A level.", ["low", "high"], "low"),
  IM_TEST_ROLES: option.choices("Roles.", ["a", "b"], "a,b"),
  IM_TEST_URL: option.optionalUrl("Somewhere.", ["kafka"]),
  IM_TEST_KEY: option.optionalText("A key.", { secret: true }),
  IM_TEST_N: option.integer("A number.", "5", 1, 10),
  IM_TEST_ON: option.flag("A switch.", "false"),
} as const;

test("defaults, given values, and empty ones that count as unset", () => {
  expect(loadConfig(table, { IM_TEST_N: "", IM_TEST_ON: "true", IM_TEST_ROLES: "b", IM_TEST_URL: "kafka://h:1" })).toEqual({
    IM_TEST_PORT: 8080,
    IM_TEST_LEVEL: "low",
    IM_TEST_ROLES: ["b"],
    IM_TEST_URL: "kafka://h:1",
    IM_TEST_KEY: undefined,
    IM_TEST_N: 5,
    IM_TEST_ON: true,
  });
});

test("every wrong setting is named at once, with what is allowed", () => {
  const wrong = {
    IM_TEST_PORT: "70000",
    IM_TEST_LEVEL: "middle",
    IM_TEST_ROLES: "a,c",
    IM_TEST_URL: "http://h",
    IM_TEST_N: "1.5",
    IM_TEST_ON: "yes",
  };
  let error: unknown;
  try {
    loadConfig(table, wrong);
  } catch (caught) {
    error = caught;
  }
  expect(error).toBeInstanceOf(ConfigError);
  const { problems, message } = error as ConfigError;
  expect(problems).toHaveLength(Object.keys(wrong).length);
  for (const name of Object.keys(wrong)) expect(message).toContain(`${name}: `);
  expect(message).toContain("one of low, high");
  expect(message).toContain("a port, 0 to 65535");
});

test("a secret is never echoed", () => {
  const strict = { IM_TEST_SECRET: option.optionalUrl("A database.", ["mysql"], { secret: true }) };
  expect(() => loadConfig(strict, { IM_TEST_SECRET: "hunter2" })).toThrow(/IM_TEST_SECRET/);
  expect(() => loadConfig(strict, { IM_TEST_SECRET: "hunter2" })).not.toThrow(/hunter2/);
});

test("settings nobody knows are found, and help shows every known one", () => {
  expect(unknownSettings([table], { IM_TEST_PROT: "1", IM_TEST_PORT: "1", PATH: "" })).toEqual(["IM_TEST_PROT"]);
  for (const name of Object.keys(table)) expect(describeOptions(table)).toContain(name);
});
