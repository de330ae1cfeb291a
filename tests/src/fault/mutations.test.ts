import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { mutations } from "./mutations.js";

const root = new URL("../../../", import.meta.url);
const replacements = Object.entries(mutations).flatMap(([name, { replacements }]) => replacements.map((one) => [name, one] as const));

// A run that cannot apply its mutation says so only after minutes.
test.each(replacements)("%s finds what it changes, once", async (_, { file, find }) => {
  const text = await readFile(new URL(file, root), "utf8");
  expect(text.split(find)).toHaveLength(2);
});
