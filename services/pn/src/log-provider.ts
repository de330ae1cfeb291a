import type { Logger } from "@dunlin/runtime";
import type { PushProvider } from "./provider.js";

/** Writes a line for each push, with who and which message, never what it says. */
export const createLogProvider = (logger: Logger): PushProvider => ({
  name: "log",
  send: async ({ userId, deviceId, platform, messageId }) => {
    logger.info({ user_id: userId, device_id: deviceId, platform, message_id: messageId }, "push");
    return { kind: "sent" };
  },
});
