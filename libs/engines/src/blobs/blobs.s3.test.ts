import { describe, expect, test } from "vitest";
import { fresh } from "../testing/eventually.js";
import { blobContract } from "./contract.js";
import { S3Blobs } from "./s3/index.js";
import { parseS3Url } from "./s3/url.js";

const url = process.env["IM_BLOB_URL"] ?? "s3+http://key:secret@127.0.0.1:9000/dunlin";
const namespace = fresh("blobs");
const open = async (at = url): Promise<S3Blobs> => S3Blobs.open(at, { namespace });

blobContract("s3", { open: () => open(), origin: () => parseS3Url(url).publicEndpoint });

describe("s3", () => {
  const changed = (change: (text: string) => string): Promise<S3Blobs> => open(change(url));

  test("not reached, a wrong key and no such bucket are UNAVAILABLE, soon, and never show the secret", async () => {
    const { endpoint, secretAccessKey, bucket } = parseS3Url(url);
    const cases = [
      await changed((text) => text.replace(new URL(endpoint).host, "127.0.0.1:1")),
      await changed((text) => text.replace(`:${secretAccessKey}@`, ":wrong-secret@")),
      await changed((text) => text.replace(`/${bucket}`, "/no-such-bucket-here")),
    ];
    for (const blobs of cases) {
      const begun = performance.now();
      for (const call of [() => blobs.ping(), () => blobs.put("x", Buffer.from("x")), () => blobs.list("", { limit: 1 })]) {
        const error: unknown = await call().catch((thrown: unknown) => thrown);
        expect(error).toMatchObject({ code: "UNAVAILABLE" });
        expect(JSON.stringify(error, Object.getOwnPropertyNames(error))).not.toMatch(new RegExp(`wrong-secret|${secretAccessKey}`));
      }
      expect(performance.now() - begun).toBeLessThan(10_000);
      await blobs.close();
    }
    const missing = await changed((text) => text.replace(`/${bucket}`, "/no-such-bucket-here"));
    await expect(missing.get("x")).rejects.toMatchObject({ code: "UNAVAILABLE" });
    await missing.close();
  });

  test("two namespaces in one bucket do not meet", async () => {
    const mine = await open();
    const theirs = S3Blobs.open(url, { namespace: fresh("other") });
    await mine.put("x", Buffer.from("mine"));
    expect(await theirs.head("x")).toBeUndefined();
    expect(await theirs.list("", { limit: 10 })).toEqual([]);
    await mine.delete(["x"]);
    await Promise.all([mine.close(), theirs.close()]);
  });
});
