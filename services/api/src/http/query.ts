import { AppError } from "@dunlin/runtime";

const bad = (why: string): never => {
  throw new AppError("BAD_REQUEST", why, { details: { query: why } });
};

const decode = (text: string): string => {
  let decoded: string;
  try {
    decoded = decodeURIComponent(text.replaceAll("+", " "));
  } catch {
    return bad("bad percent-encoding");
  }
  if (decoded.includes("\0")) bad("NUL is not allowed");
  return decoded;
};

/**
 * A URL's query as name → value. Each name may stand there once: which of two would count is anybody's guess.
 * @throws AppError BAD_REQUEST
 */
export const parseQuery = (url: string): Record<string, string> => {
  const values: Record<string, string> = Object.create(null) as Record<string, string>;
  const begin = url.indexOf("?");
  if (begin < 0) return values;
  for (const part of url.slice(begin + 1).split("&")) {
    if (part === "") continue;
    const cut = part.indexOf("=");
    const name = decode(cut < 0 ? part : part.slice(0, cut));
    if (name in values) bad(`${name} stands there twice`);
    values[name] = cut < 0 ? "" : decode(part.slice(cut + 1));
  }
  return values;
};
