/**
 * WebSocket close codes: each range tells a client what to do.
 * 1001/1012 and 4000–4099 reconnect with jitter, 4100–4199 refresh the token first, 4400–4999 do not reconnect.
 */
export const closeCodes = {
  GOING_AWAY: { code: 1001, reason: "going away", action: "reconnect" },
  RESTARTING: { code: 1012, reason: "service restart", action: "reconnect" },
  SLOW_CONSUMER: { code: 4001, reason: "slow consumer", action: "reconnect" },
  UNRESPONSIVE: { code: 4002, reason: "unresponsive", action: "reconnect" },
  OUT_OF_SYNC: { code: 4003, reason: "out of sync", action: "reconnect" },
  TOKEN_EXPIRED: { code: 4107, reason: "token expired", action: "refresh" },
  PROTOCOL_VIOLATION: { code: 4400, reason: "protocol violation", action: "stop" },
  KICKED: { code: 4403, reason: "kicked", action: "stop" },
  REPLACED: { code: 4406, reason: "replaced by a newer login of this device", action: "stop" },
  TOO_MANY_FRAMES: { code: 4429, reason: "too many frames", action: "stop" },
} as const;

export type CloseName = keyof typeof closeCodes;
