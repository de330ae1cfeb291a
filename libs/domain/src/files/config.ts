import { type ConfigOf, option } from "@dunlin/runtime";
import { fileTypes } from "./types.js";

/** Settings of files; apisvc's. */
export const fileOptions = {
  IM_FILES_TYPES: option.choices("Types files may have; the content must fit.", fileTypes, fileTypes.join(",")),
  IM_FILES_MAX_MB: option.integer("A file may be this large, MB (10^6 bytes).", "100", 1, 5_000),
  IM_FILES_IMAGE_MAX_MB: option.integer("An image may be this large, MB; it is looked at in memory.", "20", 1, 100),
  IM_FILES_IMAGE_MAX_MEGAPIXELS: option.integer("An image may have this many million pixels.", "50", 1, 200),
  IM_FILES_QUOTA_MB: option.integer(
    "What the files of one user may take together, MB; further ones are refused. 0: no limit.",
    "10000",
    0,
    1_000_000_000,
  ),
  IM_FILES_UPLOAD_S: option.integer("An upload must begin within this time and take no longer, seconds.", "900", 1, 1_800),
  IM_FILES_DOWNLOAD: option.choice(
    "stream: apisvc passes files on; redirect: it sends clients to the blob store by a signed URL (which cannot say nosniff).",
    ["stream", "redirect"],
    "stream",
  ),
  IM_FILES_IMAGE_WORKERS: option.integer("Processes that look at images, each when it is needed.", "2", 1, 16),
} as const;

export type FileConfig = ConfigOf<typeof fileOptions>;
