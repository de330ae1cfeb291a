import { AppError } from "@dunlin/runtime";
import { expect, test } from "vitest";
import { retryAborted, TransactionAborted } from "./errors.js";

test("a transaction that is given up runs again, so many times and no more; another error ends it at once", async () => {
  let runs = 0;
  const abortedUntil = (last: number) => async (): Promise<string> => {
    if (++runs < last) throw new TransactionAborted(new Error("deadlock"));
    return "done";
  };
  expect(await retryAborted(abortedUntil(4))).toBe("done");
  expect(runs).toBe(4);
  runs = 0;
  await expect(retryAborted(abortedUntil(1000))).rejects.toMatchObject({ code: "UNAVAILABLE" });
  expect(runs).toBe(8);
  runs = 0;
  const conflict = async (): Promise<void> => {
    runs++;
    throw new AppError("CONFLICT");
  };
  await expect(retryAborted(conflict)).rejects.toMatchObject({ code: "CONFLICT" });
  expect(runs).toBe(1);
});
