import { AppError } from "@dunlin/runtime";
import { z } from "zod";
import { isFileId, isPeerId } from "./ids.js";

/** A message payload may be this long as JSON text, UTF-8 bytes. */
export const PAYLOAD_BYTES_MAX = 16_384;

const CAPTION_MAX = 4_096;
const DAY_MS = 86_400_000;
/** 1 TiB: far beyond what any upload takes, the file itself has the last word. */
const SIZE_MAX = 2 ** 40;

const fileId = z.string().max(64).refine(isFileId, "not a file id").meta({ description: "A file: F and 14 characters" });
const size = z.int().min(0).max(SIZE_MAX).meta({ description: "Bytes" });
const pixels = z.int().min(1).max(65_535);
const duration = z.int().min(0).max(DAY_MS).meta({ description: "How long it plays, ms" });
const name = z.string().min(1).max(255);
const caption = z.string().max(CAPTION_MAX).optional();

/** What a message carries: `msg_type` says how to read the rest. `custom` is the app's own and is passed on as it is. */
export const payloadSchema = z.discriminatedUnion("msg_type", [
  z.strictObject({ msg_type: z.literal("text"), text: z.string().min(1) }),
  z.strictObject({
    msg_type: z.literal("image"),
    file_id: fileId,
    size,
    width: pixels,
    height: pixels,
    thumbnail_id: fileId.optional(),
    caption,
  }),
  z.strictObject({ msg_type: z.literal("file"), file_id: fileId, size, name, type: z.string().max(255).optional(), caption }),
  z.strictObject({
    msg_type: z.literal("voice"),
    file_id: fileId,
    size,
    duration,
    waveform: z.array(z.int().min(0).max(255)).max(256).optional().meta({ description: "Loudness from beginning to end, 0 to 255" }),
  }),
  z.strictObject({
    msg_type: z.literal("video"),
    file_id: fileId,
    size,
    width: pixels,
    height: pixels,
    duration,
    thumbnail_id: fileId.optional(),
    caption,
  }),
  z.strictObject({
    msg_type: z.literal("location"),
    latitude: z.number().min(-90).max(90),
    longitude: z.number().min(-180).max(180),
    title: z.string().max(255).optional(),
    address: z.string().max(1_024).optional(),
  }),
  z.strictObject({
    msg_type: z.literal("card"),
    peer: z.string().max(64).refine(isPeerId, "not a user, group or supergroup id").meta({ description: "Whom the card is of" }),
    title: z.string().min(1).max(255),
    avatar: z.string().max(512).optional(),
  }),
  z.looseObject({ msg_type: z.literal("custom") }),
]);

export type MessagePayload = z.infer<typeof payloadSchema>;

/** How a push for this message should look. */
export const pushSchema = z.strictObject({
  title: z.string().max(128).optional(),
  body: z.string().max(512).optional(),
  silent: z.boolean().optional(),
});

export type PushPreferences = z.infer<typeof pushSchema>;

/** The payload as it will be delivered. @throws AppError PAYLOAD_TOO_LARGE */
export const payloadText = (payload: MessagePayload): string => {
  const text = JSON.stringify(payload);
  // A code unit takes three bytes at most: short texts need no counting.
  if (text.length * 3 > PAYLOAD_BYTES_MAX && Buffer.byteLength(text) > PAYLOAD_BYTES_MAX) throw new AppError("PAYLOAD_TOO_LARGE");
  return text;
};
