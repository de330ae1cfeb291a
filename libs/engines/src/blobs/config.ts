import { type ConfigOf, option } from "@dunlin/runtime";

export const blobOptions = {
  IM_BLOB_URL: option.optionalUrl(
    "S3-compatible store, s3://key:secret@host[:port]/bucket (TLS) or s3+http://… (none), with ?region=… (us-east-1) and " +
      "?public=https://host, the address clients reach it under when it is another. Unset: a folder in IM_DATA_DIR, served by apisvc.",
    ["s3", "s3+http"],
    { secret: true },
  ),
} as const;

export type BlobConfig = ConfigOf<typeof blobOptions>;
