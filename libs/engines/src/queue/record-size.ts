import { AppError } from "@dunlin/runtime";
import { MAX_RECORD_BYTES, type ProduceRecord } from "./port.js";

/** Bytes of key and value, at most. @throws AppError TOO_LARGE */
export const sizeOf = ({ key, value }: ProduceRecord): number => {
  const size = key.length * 3 + value.length;
  if (size > MAX_RECORD_BYTES && Buffer.byteLength(key) + value.length > MAX_RECORD_BYTES) throw new AppError("TOO_LARGE");
  return size;
};
