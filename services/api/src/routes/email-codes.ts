import { addressKey, PASSWORD_LENGTH } from "@dunlin/domain";
import { z } from "zod";
import { countingFailures } from "../http/counting-failures.js";
import { route } from "../http/route.js";
import { who } from "./who.js";

export const email = z
  .string()
  .max(254)
  .regex(/^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63})+$/, "not an e-mail address")
  .transform((address) => address.toLowerCase())
  .meta({ type: "string", description: "Small and capital letters are the same", example: "ann@example.org" });
export const code = z
  .string()
  .regex(/^\d{6}$/, "six digits")
  .meta({ example: "042137" });

const tag = "Sessions";

export const emailCodeRoutes = [
  route({
    id: "requestEmailCode",
    method: "post",
    path: "/v1/auth/email-codes",
    tag,
    summary: "Send a code to an e-mail address; the answer is the same whether it has an account or not",
    who: who.anybody,
    bounds: "`IM_RATE_CODES_EMAIL_PER_HOUR` codes to one e-mail address in an hour",
    auth: false,
    limit: "code",
    body: z.strictObject({ email, purpose: z.enum(["register", "reset"]) }).meta({ id: "EmailCodeRequest" }),
    statuses: [202],
    response: z.object({ expires_in: z.int().meta({ description: "Seconds the code is good for" }) }),
    errors: [],
    handler: async ({ emailCodes, limits }, { body, language }) => {
      await limits.codeTo(body.email);
      await emailCodes.request(body.email, body.purpose, language);
      return { data: { expires_in: emailCodes.goodForS } };
    },
  }),
  route({
    id: "resetPassword",
    method: "post",
    path: "/v1/auth/reset-password",
    tag,
    summary: "Set a new password with a code; every session of the user ends",
    who: "Whoever has the code that was sent to the e-mail address; no token is needed.",
    bounds: "`IM_RATE_LOGIN_FAILURES_PER_MIN` wrong codes of an address",
    auth: false,
    limit: "login",
    body: z
      .strictObject({ email, code, password: z.string().min(PASSWORD_LENGTH.min).max(PASSWORD_LENGTH.max) })
      .meta({ id: "PasswordReset" }),
    response: z.object({}),
    errors: ["CODE_WRONG"],
    handler: async ({ accounts, limits }, { body, ip }) => {
      await countingFailures(limits.loginFailures, addressKey(ip), () => accounts.resetPassword(body.email, body.code, body.password));
      return { data: {} };
    },
  }),
];
