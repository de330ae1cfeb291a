import type { EngineDeps } from "../host/index.js";
import type { BlobConfig } from "./config.js";
import { FolderBlobs } from "./folder/index.js";
import type { Blobs } from "./port.js";

export * from "./config.js";
export type * from "./port.js";
export { attachment, BLOB_DOOR } from "./port.js";

/** Opens the embedded engine, or S3 when its URL is set; only then is its client loaded. @throws ConfigError for a wrong URL */
export const openBlobs = async (config: BlobConfig, deps: EngineDeps): Promise<Blobs> => {
  if (config.IM_BLOB_URL === undefined) return FolderBlobs.open(deps);
  const { S3Blobs } = await import("./s3/index.js");
  return S3Blobs.open(config.IM_BLOB_URL, deps);
};
