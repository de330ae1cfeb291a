import { register } from "node:module";
import { type MutationName, mutations } from "./mutations.js";

// Loaded by `node --import …/mutate.js?<mutation>` before the tested program.
const name = new URL(import.meta.url).search.slice(1);
const mutation = mutations[name as MutationName];
if (!mutation) throw new Error(`no such mutation: ${name}`);
register("./mutate-hooks.js", import.meta.url, { data: mutation.replacements });
