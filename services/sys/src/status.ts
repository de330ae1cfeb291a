import type { AppError } from "@dunlin/runtime";
import { Metadata, status } from "@grpc/grpc-js";

/** Metadata key of the numeric code of the error table. */
export const CODE_KEY = "dunlin-code";
/** Metadata key of the error's facts (which field is wrong …), JSON. */
export const DETAILS_KEY = "dunlin-details";
/** Metadata key: when to try again, seconds. */
export const RETRY_AFTER_KEY = "retry-after";

/** Metadata values are ASCII. */
const asciiJson = (value: unknown): string =>
  JSON.stringify(value).replace(/[^ -~]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`);

/** An error as gRPC shows it, by the one table: status, text, and the code in the metadata. */
export const toStatus = (error: AppError): { code: status; details: string; metadata: Metadata } => {
  const metadata = new Metadata();
  metadata.set(CODE_KEY, String(error.info.code));
  if (error.details !== undefined) metadata.set(DETAILS_KEY, asciiJson(error.details));
  if (error.retryAfterS !== undefined) metadata.set(RETRY_AFTER_KEY, String(error.retryAfterS));
  return { code: status[error.info.grpc], details: error.message, metadata };
};
