import { expect, test } from "vitest";
import { languageOf } from "./language.js";

test.each([
  [undefined, "en"],
  ["zh-CN,zh;q=0.9,en;q=0.8", "zh"],
  ["en-GB,en;q=0.9,zh;q=0.8", "en"],
  ["fr, zh;q=0.5, en;q=0.3", "zh"],
  ["fr", "en"],
  ["zh;q=0", "en"],
  ["zh;q=junk", "en"],
  ["*", "en"],
])("%s asks for %s", (header, language) => {
  expect(languageOf(header)).toBe(language);
});
