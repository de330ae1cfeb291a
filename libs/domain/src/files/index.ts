export { Avatars } from "./avatars.js";
export { fileIdsOf } from "./carried.js";
export { removeUnsentFiles } from "./clean-up.js";
export * from "./config.js";
export { Downloads } from "./downloads.js";
export { THUMBNAIL_SIDES, type ThumbnailSide } from "./keys.js";
export { UNSENT_MS } from "./lifetimes.js";
export { useFiles } from "./reading.js";
export { type AnnouncedFile, type FilesDeps, Uploads } from "./uploads.js";
