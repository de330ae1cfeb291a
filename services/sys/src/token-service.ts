import type { Accounts } from "@dunlin/domain";
import type { sys } from "@dunlin/proto";
import type { SysContext } from "./context.js";
import { field } from "./fields.js";
import type { Handlers } from "./unary.js";

/** Sessions one call may name. */
const SESSIONS_MAX = 1_000;

const sessionId = (name: string, value: string): string => field.ruled(name, value, "sessionId");

export const tokenService = (
  context: Pick<SysContext, "store" | "clock">,
  accounts: Accounts,
  requireUser: (userId: string) => Promise<void>,
): Handlers<typeof sys.TokenServiceService> => {
  return {
    issueToken: async (request) => {
      const userId = field.userId("user_id", request.userId);
      const deviceId = field.ruled("device_id", request.deviceId, "deviceId");
      const platform = field.ruled("platform", request.platform, "platform");
      await requireUser(userId);
      return accounts.issue(userId, { deviceId, platform });
    },
    revokeSessions: async (request) => {
      const userId = field.userId("user_id", request.userId);
      const ids = field.list("session_ids", request.sessionIds, 0, SESSIONS_MAX, sessionId);
      const revoked = await accounts.revoke(userId, ids.length === 0 ? undefined : ids);
      return { revoked: revoked.length };
    },
    checkSession: async (request) => {
      const userId = field.userId("user_id", request.userId);
      // Always the store's word: whoever asks may keep a good answer for a while and drops it when the session is revoked;
      // a second memory here, without that, would let a revoked session in again.
      const session = await context.store.sessions.get(sessionId("session_id", request.sessionId));
      const active = session?.userId === userId && session.revokedAt === null && session.expiresAt > context.clock.now();
      return { active };
    },
  };
};
