import { AppError } from "@dunlin/runtime";

interface Thrown {
  readonly name?: string;
  readonly message?: string;
  readonly $metadata?: { readonly httpStatusCode?: number };
}

/** Whether the engine said that there is no such blob (a missing bucket is something else). */
export const isAbsent = (error: unknown): boolean => {
  const { name, $metadata } = error as Thrown;
  return name !== "NoSuchBucket" && (name === "NoSuchKey" || name === "NotFound" || $metadata?.httpStatusCode === 404);
};

/** Whatever else it says is for the operator: a wrong key, no such bucket, not reached. Neither the client nor we can change it. */
export const unavailable = (error: unknown): AppError => {
  const { name = "Error", message = "" } = error as Thrown;
  return new AppError("UNAVAILABLE", "the blob store cannot be used now", { cause: new Error(`${name}: ${message}`.slice(0, 300)) });
};
