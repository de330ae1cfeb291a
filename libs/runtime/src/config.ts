import { z } from "zod";

/** One setting: how it is parsed, its default (as it would be written in the environment), and what it does. */
export interface Option<T = unknown> {
  readonly schema: z.ZodType<T, string | undefined>;
  readonly help: string;
  /** What the value may be, for --help and for error messages. */
  readonly allowed: string;
  readonly fallback?: string;
  /** Never printed. */
  readonly secret?: boolean;
}

export type OptionTable = Readonly<Record<`IM_${string}`, Option>>;

export type ConfigOf<T extends OptionTable> = {
  readonly [K in keyof T]: T[K] extends Option<infer V> ? V : never;
};

/** Thrown with every wrong variable at once; `message` is ready to print. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
  constructor(readonly problems: readonly string[]) {
    super(`wrong settings:\n${problems.map((p) => `  ${p}`).join("\n")}`);
  }
}

interface OptionExtras {
  fallback?: string;
  secret?: boolean;
}

const define = <T>(schema: z.ZodType<T, string | undefined>, allowed: string, help: string, extras: OptionExtras): Option<T> => ({
  schema,
  allowed,
  help,
  ...extras,
});

const number = (min: number, max: number) =>
  z
    .string()
    .regex(/^-?\d+$/)
    .transform(Number)
    .pipe(z.number().int().min(min).max(max));

/** Constructors for options; each knows how to say what is allowed. */
export const option = {
  port: (help: string, fallback: string) => define(number(0, 65535), "a port, 0 to 65535 (0: any free one)", help, { fallback }),
  integer: (help: string, fallback: string, min: number, max: number) =>
    define(number(min, max), `a whole number, ${min} to ${max}`, help, { fallback }),
  text: (help: string, fallback: string) => define(z.string().min(1), "a text that is not empty", help, { fallback }),
  optionalText: (help: string, extras: OptionExtras = {}) =>
    define(z.string().min(1).optional(), "a text that is not empty, or unset", help, extras),
  flag: (help: string, fallback: "true" | "false") =>
    define(
      z.enum(["true", "false"]).transform((v) => v === "true"),
      "true or false",
      help,
      { fallback },
    ),
  choice: <const V extends readonly [string, ...string[]]>(help: string, values: V, fallback: V[number]) =>
    define(z.enum(values) as unknown as z.ZodType<V[number], string | undefined>, `one of ${values.join(", ")}`, help, {
      fallback,
    }),
  /** A comma-separated list out of a fixed set. */
  choices: <const V extends readonly [string, ...string[]]>(help: string, values: V, fallback: string) =>
    define(
      z
        .string()
        .transform((s) => s.split(",").map((part) => part.trim()))
        .pipe(z.array(z.enum(values)).min(1)) as unknown as z.ZodType<V[number][], string | undefined>,
      `a comma-separated list of ${values.join(", ")}`,
      help,
      { fallback },
    ),
  /** A URL with one of the given schemes, or unset. */
  optionalUrl: (help: string, schemes: readonly string[], extras: OptionExtras = {}) =>
    define(
      z
        .string()
        .refine((s) => schemes.some((scheme) => s.startsWith(`${scheme}://`) && s.length > scheme.length + 3))
        .optional(),
      `a URL that begins with ${schemes.map((s) => `${s}://`).join(" or ")}, or unset`,
      help,
      extras,
    ),
};

/**
 * Reads `env` by a table of options. An empty variable counts as unset.
 * @throws ConfigError naming every wrong variable and what is allowed (secrets are not echoed).
 */
export const loadConfig = <T extends OptionTable>(table: T, env: NodeJS.ProcessEnv): ConfigOf<T> => {
  const problems: string[] = [];
  const config: Record<string, unknown> = {};
  for (const [name, opt] of Object.entries(table) as [string, Option][]) {
    const given = env[name] === "" ? undefined : env[name];
    const parsed = opt.schema.safeParse(given ?? opt.fallback);
    if (parsed.success) config[name] = parsed.data;
    else {
      const shown = given === undefined ? "unset" : opt.secret ? "the value given" : JSON.stringify(given);
      problems.push(`${name}: ${shown} is not allowed; it takes ${opt.allowed}`);
    }
  }
  if (problems.length > 0) throw new ConfigError(problems);
  return config as ConfigOf<T>;
};

/** IM_ variables of the environment that no table knows: probably a typing mistake. */
export const unknownSettings = (tables: readonly OptionTable[], env: NodeJS.ProcessEnv): string[] => {
  const known = new Set(tables.flatMap((t) => Object.keys(t)));
  return Object.keys(env).filter((name) => name.startsWith("IM_") && !known.has(name));
};

/** The --help text for a table: one block a setting. */
export const describeOptions = (table: OptionTable): string =>
  Object.entries(table)
    .map(([name, opt]) => {
      const fallback = opt.fallback === undefined ? "unset" : opt.secret ? "(secret)" : opt.fallback;
      return `  ${name}  (default: ${fallback})\n      ${opt.help}\n      Allowed: ${opt.allowed}.`;
    })
    .join("\n");
