/** Longest sides of thumbnails, pixels. */
export const THUMBNAIL_SIDES = [128, 320, 640] as const;
export type ThumbnailSide = (typeof THUMBNAIL_SIDES)[number];

/** Where clients upload to. Nothing here is trusted, and nothing stays. */
export const UPLOADS = "uploads/";

/** The keys of a file's blobs. A checked file lies where no signed upload reaches it. */
export const keysOf = {
  upload: (id: string): string => `${UPLOADS}${id}`,
  file: (id: string): string => `files/${id}`,
  thumbnail: (id: string, side: ThumbnailSide): string => `thumbnails/${id}/${side}.webp`,
};

export const allKeysOf = (id: string): string[] => [
  keysOf.upload(id),
  keysOf.file(id),
  ...THUMBNAIL_SIDES.map((side) => keysOf.thumbnail(id, side)),
];
