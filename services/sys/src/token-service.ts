import type { Accounts } from "@dunlin/domain";
import type { sys } from "@dunlin/proto";
import type { SysContext } from "./context.js";
import { field } from "./fields.js";
import { GoodSessions } from "./good-sessions.js";
import type { Handlers } from "./unary.js";

/** Sessions one call may name. */
const SESSIONS_MAX = 1_000;
const ID_MAX = 64;
const DEVICE_ID_MAX = 128;
const PLATFORM_MAX = 32;

const sessionId = (name: string, value: string): string => field.text(name, value, 1, ID_MAX);

export const tokenService = (
  context: Pick<SysContext, "store" | "clock">,
  accounts: Accounts,
  requireUser: (userId: string) => Promise<void>,
): Handlers<typeof sys.TokenServiceService> => {
  const good = new GoodSessions(context);
  return {
    issueToken: async (request) => {
      const userId = field.userId("user_id", request.userId);
      const deviceId = field.text("device_id", request.deviceId, 1, DEVICE_ID_MAX);
      const platform = field.text("platform", request.platform, 1, PLATFORM_MAX);
      await requireUser(userId);
      return accounts.issue(userId, { deviceId, platform });
    },
    revokeSessions: async (request) => {
      const userId = field.userId("user_id", request.userId);
      const ids = field.list("session_ids", request.sessionIds, 0, SESSIONS_MAX, sessionId);
      const revoked = await accounts.revoke(userId, ids.length === 0 ? undefined : ids);
      for (const id of revoked) good.forget(id);
      return { revoked: revoked.length };
    },
    checkSession: async (request) => {
      const userId = field.userId("user_id", request.userId);
      return { active: await good.has(userId, sessionId("session_id", request.sessionId)) };
    },
  };
};
