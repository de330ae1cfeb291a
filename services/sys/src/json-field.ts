import { checkJson } from "@dunlin/domain";
import { AppError } from "@dunlin/runtime";
import type { z } from "zod";

const wrong = (field: string, what: string, cause?: unknown): AppError =>
  new AppError("BAD_REQUEST", `${field}: ${what}`, { details: { field }, cause });

/** A field that holds JSON text, by its schema. @throws AppError BAD_REQUEST naming the field and what is wrong in it. */
export const parseJson = <T>(field: string, text: string, schema: z.ZodType<T>): T => {
  let value: unknown;
  try {
    value = JSON.parse(text);
    checkJson(text);
  } catch (error) {
    throw wrong(field, error instanceof AppError ? error.message : "must be JSON text", error);
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const path = issue && issue.path.length > 0 ? `${issue.path.join(".")}: ` : "";
  throw wrong(field, `${path}${issue?.message ?? "is not valid"}`);
};
