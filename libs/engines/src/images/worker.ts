import sharp from "sharp";
import type { ImageAnswer, ImageRequest } from "./protocol.js";

const QUALITY = 78;
const FORMATS = ["jpeg", "png", "webp", "gif", "heif"];

// Of libvips' many readers only these: SVG, PDF and their like can name other files and run for ever.
sharp.block({ operation: ["VipsForeignLoad"] });
sharp.unblock({
  operation: ["VipsForeignLoadJpeg", "VipsForeignLoadPng", "VipsForeignLoadWebp", "VipsForeignLoadNsgif", "VipsForeignLoadHeif"],
});
sharp.cache(false);
sharp.concurrency(1);

const work = async ({ bytes, pixelsMax, side }: ImageRequest): Promise<ImageAnswer> => {
  // The limit is looked at here: sharp's own would be told as any other fault.
  const { format, width, height, autoOrient } = await sharp(bytes, { limitInputPixels: false }).metadata();
  if (!FORMATS.includes(format)) return { ok: false, why: "unreadable", detail: `a ${format}` };
  if (width * height > pixelsMax) return { ok: false, why: "too-large", detail: `${width} × ${height}` };
  // As it is shown, turned by what its camera noted.
  const shown = { width: autoOrient.width, height: autoOrient.height };
  if (side === undefined) return { ok: true, ...shown, thumbnail: undefined };
  const thumbnail = await sharp(bytes, { limitInputPixels: pixelsMax, failOn: "error" })
    .autoOrient()
    .resize(side, side, { fit: "inside", withoutEnlargement: true })
    .webp({ quality: QUALITY })
    .toBuffer();
  return { ok: true, ...shown, thumbnail };
};

process.on("message", (request: ImageRequest) => {
  work(request)
    .catch((error: unknown): ImageAnswer => {
      const detail = error instanceof Error ? error.message.slice(0, 200) : String(error);
      return { ok: false, why: "unreadable", detail };
    })
    .then((answer) => process.send?.(answer))
    .catch(() => process.exit(1));
});
// Whoever asked is gone.
process.on("disconnect", () => process.exit(0));
