import { writeSync } from "node:fs";
import type { LoadHook } from "node:module";
import { APPLIED, type Replacement } from "./mutations.js";

let replacements: readonly Replacement[] = [];

export const initialize = (data: readonly Replacement[]): void => {
  replacements = data;
};

export const load: LoadHook = async (url, context, next) => {
  const loaded = await next(url, context);
  const here = replacements.filter(({ file }) => url.endsWith(file));
  if (here.length === 0) return loaded;
  let source = String(loaded.source);
  for (const { file, find, replace } of here) {
    // A mutation that finds nothing to change would be a test that cannot fail.
    if (source.split(find).length !== 2) throw new Error(`mutation: ${JSON.stringify(find)} is not there once in ${file}`);
    source = source.replace(find, () => replace);
    writeSync(2, `${APPLIED} ${file}\n`);
  }
  return { ...loaded, source };
};
