import { ConfigError } from "@dunlin/runtime";

/** What IM_BLOB_URL says. */
export interface S3Address {
  /** https://host:port */
  readonly endpoint: string;
  /** The same as clients reach it. */
  readonly publicEndpoint: string;
  readonly bucket: string;
  readonly region: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

const BUCKET = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;
const FORM = "s3://key:secret@host[:port]/bucket?region=…&public=https://…";

const wrong = (why: string): never => {
  throw new ConfigError([`IM_BLOB_URL: the value given is not allowed (${why}); it takes ${FORM}`]);
};

const originOf = (text: string): string => {
  try {
    const { protocol, origin } = new URL(text);
    if (protocol === "http:" || protocol === "https:") return origin;
  } catch {
    // Said below.
  }
  return wrong("public is not an http or https URL");
};

/** @throws ConfigError that never shows the secret */
export const parseS3Url = (text: string): S3Address => {
  let url: URL;
  try {
    // The scheme is unknown to URL, which then takes the host as it stands.
    url = new URL(text.replace(/^s3\+http:/, "http:").replace(/^s3:/, "https:"));
  } catch {
    return wrong("it is no URL");
  }
  const bucket = url.pathname.slice(1);
  if (url.username === "" || url.password === "") wrong("key or secret are missing");
  if (!BUCKET.test(bucket)) wrong("its path is not the name of a bucket");
  const unknown = [...url.searchParams.keys()].find((name) => name !== "region" && name !== "public");
  if (unknown !== undefined) wrong("its query takes region and public only");
  const given = url.searchParams.get("public");
  return {
    endpoint: url.origin,
    publicEndpoint: given === null ? url.origin : originOf(given),
    bucket,
    region: url.searchParams.get("region") ?? "us-east-1",
    accessKeyId: decodeURIComponent(url.username),
    secretAccessKey: decodeURIComponent(url.password),
  };
};
