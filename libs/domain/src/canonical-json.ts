import { hash } from "node:crypto";

/** JSON text that is the same for values that are the same: object keys in code-unit order, no spaces, undefined as null. */
export const canonicalJson = (value: unknown): string => {
  if (value === null || typeof value !== "object") return JSON.stringify(value) ?? "null";
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(",")}]`;
  const object = value as Record<string, unknown>;
  const fields: string[] = [];
  for (const key of Object.keys(object).sort()) {
    if (object[key] !== undefined) fields.push(`${JSON.stringify(key)}:${canonicalJson(object[key])}`);
  }
  return `{${fields.join(",")}}`;
};

/** SHA-256 of a value's canonical JSON. */
export const canonicalHash = (value: unknown): Buffer => hash("sha256", canonicalJson(value), "buffer");
