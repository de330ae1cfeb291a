import { AppError } from "@dunlin/runtime";
import type { z } from "zod";

/** Deeper than this is refused: whoever reads it later recurses. */
const DEPTH_MAX = 64;

const wrong = (field: string, what: string): AppError => new AppError("BAD_REQUEST", `${field}: ${what}`, { details: { field } });

/** How deep objects and arrays nest in JSON text; brackets within strings do not count. */
const depthOf = (text: string): number => {
  let depth = 0;
  let deepest = 0;
  let quoted = false;
  for (let i = 0; i < text.length; i++) {
    const char = text[i];
    if (quoted) {
      if (char === "\\") i += 1;
      else if (char === '"') quoted = false;
    } else if (char === '"') quoted = true;
    else if (char === "{" || char === "[") deepest = Math.max(deepest, ++depth);
    else if (char === "}" || char === "]") depth -= 1;
  }
  return deepest;
};

/** A field that holds JSON text, by its schema. @throws AppError BAD_REQUEST naming the field and what is wrong in it. */
export const parseJson = <T>(field: string, text: string, schema: z.ZodType<T>): T => {
  if (depthOf(text) > DEPTH_MAX) throw wrong(field, `must not nest deeper than ${DEPTH_MAX}`);
  let value: unknown;
  try {
    value = JSON.parse(text, (key, inner: unknown) => {
      // The parser makes it an own field, but whatever copies the object later would set its prototype.
      if (key === "__proto__") throw new SyntaxError("__proto__ is not a field");
      return inner;
    });
  } catch {
    throw wrong(field, "must be JSON text");
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const path = issue && issue.path.length > 0 ? `${issue.path.join(".")}: ` : "";
  throw wrong(field, `${path}${issue?.message ?? "is not valid"}`);
};
