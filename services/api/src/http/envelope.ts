import type { ServerResponse } from "node:http";
import { type ErrorCode, errors } from "@dunlin/proto";
import { AppError } from "@dunlin/runtime";
import type { Language } from "./language.js";

const RETRY_AFTER_S = 1;

/** A successful answer around `data`, which is JSON text. */
export const successText = (data: string): string => `{"code":0,"msg":"ok","data":${data}}`;

/** An error's answer. What went wrong inside is never told. */
export const errorText = (error: AppError, language: Language): string => {
  const { code, info, details } = error;
  // Texts of the code are in English; the table has both languages.
  const msg = language === "en" && code !== "INTERNAL" ? error.message : info[language];
  return JSON.stringify({ code: info.code, msg, data: details ?? null });
};

/** The same for a code without more to say. */
export const codeText = (code: ErrorCode, language: Language): string => errorText(new AppError(code), language);

/** Seconds for Retry-After; undefined when the status carries none. */
export const retryAfterOf = (error: AppError): number | undefined =>
  error.info.http === 429 || error.info.http === 503 ? (error.retryAfterS ?? RETRY_AFTER_S) : undefined;

/** Writes a JSON answer. `extra` are further headers. */
export const writeJson = (
  res: ServerResponse,
  status: number,
  requestId: string,
  text: string,
  extra?: Readonly<Record<string, string>>,
): void => {
  res.writeHead(status, {
    "Content-Type": "application/json; charset=utf-8",
    "Content-Length": Buffer.byteLength(text),
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "X-Request-Id": requestId,
    ...extra,
  });
  res.end(text);
};

/** Writes an error's answer with the headers that belong to it. */
export const writeError = (
  res: ServerResponse,
  error: AppError,
  requestId: string,
  language: Language,
  extra: Record<string, string> = {},
): void => {
  const retryAfter = retryAfterOf(error);
  if (retryAfter !== undefined) extra["Retry-After"] = String(retryAfter);
  if (error.info.http === 401) extra["WWW-Authenticate"] = "Bearer";
  // RFC 9110, 15.5.17: how much there is to ask for.
  const size = error.code === "RANGE_OUTSIDE" ? error.details?.["size"] : undefined;
  if (typeof size === "number") extra["Content-Range"] = `bytes */${size}`;
  writeJson(res, errors[error.code].http, requestId, errorText(error, language), extra);
};
