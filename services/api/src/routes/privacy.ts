import type { PrivacyRow } from "@dunlin/engines/store";
import { z } from "zod";
import { route } from "../http/route.js";
import { who } from "./who.js";

const fields = {
  messages: z.enum(["everyone", "contacts"]).meta({ description: "Whose messages one takes" }),
  groups: z.enum(["everyone", "contacts"]).meta({ description: "Who may bring one into a group" }),
  last_seen: z.enum(["everyone", "contacts", "nobody"]).meta({ description: "Who sees whether one is active and when last" }),
  find_by_account: z.boolean().meta({ description: "Whether others find one by account name and see it; contacts always do" }),
};
const privacyView = z.object(fields).meta({ id: "Privacy" });

const show = ({ messages, groups, lastSeen, findByAccount }: PrivacyRow): z.input<typeof privacyView> => ({
  messages,
  groups,
  last_seen: lastSeen,
  find_by_account: findByAccount,
});

const tag = "Privacy";

export const privacyRoutes = [
  route({
    id: "getPrivacy",
    method: "get",
    path: "/v1/privacy",
    tag,
    summary: "What one lets others do and see; everything, for everyone, as long as nothing has been set",
    who: who.self,
    response: privacyView,
    errors: [],
    handler: async ({ relations }, { claims }) => ({ data: show(await relations.privacy(claims.userId)) }),
  }),
  route({
    id: "setPrivacy",
    method: "put",
    path: "/v1/privacy",
    tag,
    summary: "Set what one lets others do and see. One's devices learn it by a PRIVACY update. 202 when it takes effect a little later",
    who: who.self,
    body: z.strictObject(fields).meta({ id: "PrivacyChange" }),
    statuses: [200, 202],
    response: privacyView,
    errors: ["NOT_FOUND", "QUEUE_FULL"],
    handler: async ({ profiles }, { claims, body, requestId }) => {
      const { messages, groups, last_seen: lastSeen, find_by_account: findByAccount } = body;
      const outcome = await profiles.setPrivacy({ userId: claims.userId, messages, groups, lastSeen, findByAccount }, requestId);
      return { status: outcome === "applied" ? 200 : 202, data: body };
    },
  }),
];
