import { addressKey, type Issued, PASSWORD_LENGTH, textRules } from "@dunlin/domain";
import type { UserRow } from "@dunlin/engines/store";
import { AppError } from "@dunlin/runtime";
import { z } from "zod";
import { countingFailures } from "../http/counting-failures.js";
import { route } from "../http/route.js";
import { code, email } from "./email-codes.js";
import { device, plainText, tokensView } from "./schemas.js";
import { showUser } from "./users.js";
import { who } from "./who.js";

const account = z
  .string()
  .regex(textRules.account.pattern, textRules.account.says)
  .transform((name) => name.toLowerCase())
  .meta({ type: "string", description: "Small and capital letters are the same", example: "ann" });
const password = z.string().min(PASSWORD_LENGTH.min).max(PASSWORD_LENGTH.max);

const showTokens = (user: UserRow, issued: Issued): z.input<typeof tokensView> => ({
  user: showUser(user),
  session_id: issued.sessionId,
  access_token: issued.accessToken,
  refresh_token: issued.refreshToken,
  expires_in: issued.expiresIn,
});

const tag = "Sessions";

export const authRoutes = [
  route({
    id: "register",
    method: "post",
    path: "/v1/auth/register",
    tag,
    summary: "Create an account and log in",
    who: who.anybody,
    bounds: "`IM_RATE_LOGIN_FAILURES_PER_MIN` wrong codes of an address",
    auth: false,
    limit: "register",
    body: z
      .strictObject({
        account,
        password,
        nickname: plainText(64).min(1).optional(),
        email: email.optional(),
        code: code.optional(),
        ...device,
      })
      .refine((body) => (body.email === undefined) === (body.code === undefined), "email and code go together")
      .meta({ id: "RegisterRequest" }),
    statuses: [201],
    response: tokensView,
    errors: ["ACCOUNT_TAKEN", "CODE_WRONG", "EMAIL_REQUIRED", "ACCOUNT_DEACTIVATED", "NOT_FOUND"],
    handler: async ({ accounts, limits, ctx }, { body, ip }) => {
      const { email, code } = body;
      const nickname = body.nickname ?? body.account;
      const proof = email === undefined || code === undefined ? undefined : { email, code };
      if (!proof && ctx.config.IM_EMAIL_REQUIRED) throw new AppError("EMAIL_REQUIRED");
      const create = () => accounts.create(body.account, body.password, nickname, proof);
      const user = proof ? await countingFailures(limits.loginFailures, addressKey(ip), create) : await create();
      const issued = await accounts.issue(user.id, { deviceId: body.device_id, platform: body.platform });
      return { data: showTokens(user, issued) };
    },
  }),
  route({
    id: "login",
    method: "post",
    path: "/v1/auth/login",
    tag,
    summary: "Log in; the device's earlier session ends",
    who: who.anybody,
    bounds: "`IM_RATE_LOGIN_FAILURES_PER_MIN` refusals of an address",
    auth: false,
    limit: "login",
    body: z.strictObject({ account, password: z.string().min(1).max(128), ...device }).meta({ id: "LoginRequest" }),
    response: tokensView,
    errors: ["CREDENTIALS_WRONG", "ACCOUNT_DEACTIVATED", "NOT_FOUND"],
    handler: async ({ accounts, limits }, { body, ip }) => {
      const { user, issued } = await countingFailures(limits.loginFailures, addressKey(ip), () =>
        accounts.login(body.account, body.password, { deviceId: body.device_id, platform: body.platform }),
      );
      return { data: showTokens(user, issued) };
    },
  }),
  route({
    id: "refresh",
    method: "post",
    path: "/v1/auth/refresh",
    tag,
    summary: "Trade a refresh token for new tokens; each is good once, and 30 s longer should the answer be lost",
    who: "Whoever has the refresh token; no access token is needed.",
    bounds: "`IM_RATE_LOGIN_FAILURES_PER_MIN` refusals of an address",
    auth: false,
    limit: "login",
    body: z.strictObject({ refresh_token: z.string().min(1).max(1024) }).meta({ id: "RefreshRequest" }),
    response: tokensView,
    errors: ["TOKEN_INVALID", "TOKEN_EXPIRED", "REFRESH_REUSED"],
    handler: async ({ accounts, limits, store }, { body, ip }) => {
      const issued = await countingFailures(limits.loginFailures, addressKey(ip), () => accounts.refresh(body.refresh_token));
      const [user] = await store.users.get([issued.userId]);
      if (!user) throw new AppError("TOKEN_INVALID");
      return { data: showTokens(user, issued) };
    },
  }),
  route({
    id: "logout",
    method: "post",
    path: "/v1/auth/logout",
    tag,
    summary: "End this session and close its connection",
    who: "Every user, the session of the token.",
    response: z.object({}),
    errors: [],
    handler: async ({ accounts }, { claims }) => {
      await accounts.revoke(claims.userId, [claims.sessionId]);
      return { data: {} };
    },
  }),
];
