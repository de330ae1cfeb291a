import { AppError } from "@dunlin/runtime";
import { z } from "zod";

/** A message payload may be this long as JSON text, UTF-8 bytes. */
export const PAYLOAD_BYTES_MAX = 16_384;

/** What a message carries: `msg_type` says how to read the rest. `custom` is the app's own and is passed on as it is. */
export const payloadSchema = z.discriminatedUnion("msg_type", [
  z.strictObject({ msg_type: z.literal("text"), text: z.string().min(1) }),
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
