import type { sys } from "@dunlin/proto";
import { AppError } from "@dunlin/runtime";
import type { SysContext } from "./context.js";
import { field } from "./fields.js";
import { Sessions } from "./sessions.js";
import type { Handlers } from "./unary.js";

/** Sessions one call may name. */
const SESSIONS_MAX = 1_000;
const ID_MAX = 64;

const sessionId = (name: string, value: string): string => field.text(name, value, 1, ID_MAX);

export const tokenService = (context: SysContext): Handlers<typeof sys.TokenServiceService> => {
  const sessions = new Sessions(context);
  return {
    issueToken: async () => {
      throw new AppError("METHOD_NOT_ALLOWED");
    },
    revokeSessions: async (request) => {
      const userId = field.userId("user_id", request.userId);
      const ids = field.list("session_ids", request.sessionIds, 0, SESSIONS_MAX, sessionId);
      return { revoked: await sessions.revoke(userId, ids) };
    },
    checkSession: async (request) => {
      const userId = field.userId("user_id", request.userId);
      return { active: await sessions.isGood(userId, sessionId("session_id", request.sessionId)) };
    },
  };
};
