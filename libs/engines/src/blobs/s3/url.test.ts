import { ConfigError } from "@dunlin/runtime";
import { expect, test } from "vitest";
import { parseS3Url } from "./url.js";

test("the parts of a URL, with defaults and without", () => {
  expect(parseS3Url("s3://AKIA:se%2Fcret@s3.eu-central-1.amazonaws.com/my-bucket?region=eu-central-1")).toEqual({
    endpoint: "https://s3.eu-central-1.amazonaws.com",
    publicEndpoint: "https://s3.eu-central-1.amazonaws.com",
    bucket: "my-bucket",
    region: "eu-central-1",
    accessKeyId: "AKIA",
    secretAccessKey: "se/cret",
  });
  expect(parseS3Url("s3+http://k:s@minio:9000/dunlin?public=http://127.0.0.1:9000")).toMatchObject({
    endpoint: "http://minio:9000",
    publicEndpoint: "http://127.0.0.1:9000",
    region: "us-east-1",
  });
});

test("a wrong one is a wrong setting, told without its secret", () => {
  const bad = [
    "s3://host/bucket",
    "s3://k:hush@host",
    "s3://k:hush@host/a/b",
    "s3://k:hush@host/Bucket",
    "s3://k:hush@host/b?x=1",
    "s3://k:hush@:x/b",
  ];
  for (const url of [...bad, "s3://k:hush@host/bucket?public=ftp://x", "s3://k:hush@host/bucket?public=x"]) {
    const error: unknown = (() => {
      try {
        return parseS3Url(url);
      } catch (thrown) {
        return thrown;
      }
    })();
    expect(error, url).toBeInstanceOf(ConfigError);
    expect(String(error)).toContain("IM_BLOB_URL");
    expect(String(error)).not.toContain("hush");
  }
});
