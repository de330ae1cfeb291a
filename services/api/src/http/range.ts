import type { BlobRange } from "@dunlin/engines/blobs";
import { AppError } from "@dunlin/runtime";

const RANGE = /^bytes=(\d{0,15})-(\d{0,15})$/;

/**
 * The one part of `size` bytes that a Range header asks for (RFC 9110, 14.1). Undefined: the whole; so for several parts and
 * other units, which a server may leave unheeded.
 * @throws AppError RANGE_OUTSIDE when nothing of it lies inside
 */
export const rangeOf = (header: string | undefined, size: number): BlobRange | undefined => {
  const [, first, last] = RANGE.exec(header ?? "") ?? [];
  if (first === undefined || last === undefined || first + last === "") return undefined;
  const start = first === "" ? Math.max(size - Number(last), 0) : Number(first);
  const end = first === "" || last === "" ? size - 1 : Math.min(Number(last), size - 1);
  if (first !== "" && last !== "" && Number(last) < start) return undefined;
  if (start > end) throw new AppError("RANGE_OUTSIDE", undefined, { details: { size } });
  return { start, end };
};
