import { isUserId, type Presence, WATCHED_MAX } from "@dunlin/domain";
import { z } from "zod";
import { route } from "../http/route.js";
import { peerId, time, userId } from "./schemas.js";

/** Users asked for at once: their ids must fit a URL. */
const ASKED_MAX = 100;

const status = z.enum(["active", "away"]);

const presenceView = z
  .object({
    user_id: z.string(),
    status: z.enum(["active", "away", "offline"]),
    last_seen: time("When an offline user was last connected; null while online, when not known, and when it is not shown").nullable(),
  })
  .meta({ id: "Presence" });
const presencesView = z.object({ items: z.array(presenceView) });

const show = ({ userId: user_id, status, lastSeen }: Presence): z.input<typeof presenceView> => ({
  user_id,
  status,
  last_seen: lastSeen,
});

const userIdList = z
  .string()
  .max(64 * ASKED_MAX)
  .transform((text) => [...new Set(text.split(","))])
  .refine((ids) => ids.length <= ASKED_MAX, `more than ${ASKED_MAX} users`)
  .refine((ids) => ids.every(isUserId), "not a list of user ids, joined by commas")
  .meta({ type: "string", description: `User ids joined by commas, at most ${ASKED_MAX}` });

const tag = "Presence";

export const presenceRoutes = [
  route({
    id: "setPresence",
    method: "put",
    path: "/v1/presence",
    tag,
    summary: "This device is in use, or not; good for its present connection",
    who: "Every user, for the device that asks, while it is connected.",
    body: z.strictObject({ status }).meta({ id: "PresenceChange" }),
    response: z.object({ status }),
    errors: ["NOT_CONNECTED"],
    handler: async ({ presences }, { claims, body }) => {
      await presences.setStatus(claims, body.status);
      return { data: { status: body.status } };
    },
  }),
  route({
    id: "getPresence",
    method: "get",
    path: "/v1/presence",
    tag,
    summary: "Who is there, as far as they show it",
    who: "Every user; of others only what their privacy and blocks let one see, else they are offline.",
    query: z.strictObject({ user_ids: userIdList }),
    response: presencesView,
    errors: [],
    handler: async ({ presences }, { claims, query }) => ({
      data: { items: (await presences.shown(claims.userId, query.user_ids)).map(show) },
    }),
  }),
  route({
    id: "setPresenceSubscriptions",
    method: "put",
    path: "/v1/presence/subscriptions",
    tag,
    summary: "Whose presence this session is told from now on (PRESENCE frames), instead of those before; answers it as it is now",
    who: "Every user; of others only what their privacy and blocks let one see, else they are offline.",
    bounds: `At most ${WATCHED_MAX} users`,
    body: z
      .strictObject({
        user_ids: z
          .array(userId)
          .max(WATCHED_MAX)
          .meta({ description: `At most ${WATCHED_MAX}; empty: nobody's` }),
      })
      .meta({ id: "PresenceSubscriptions" }),
    response: presencesView,
    errors: [],
    handler: async ({ presences }, { claims, body }) => ({
      data: { items: (await presences.watch(claims, [...new Set(body.user_ids)])).map(show) },
    }),
  }),
  route({
    id: "typing",
    method: "post",
    path: "/v1/dialogs/{peer}/typing",
    tag,
    summary: "Tells those of the peer who are connected that one is writing (TYPING frames); one in three seconds passes on",
    who: "Who could send to the peer now.",
    bounds: "One in three seconds passes on",
    params: z.strictObject({ peer: peerId }),
    response: z.object({}),
    errors: ["PEER_NOT_FOUND", "NOT_A_MEMBER", "PEER_REFUSES", "MUTED", "GROUP_MUTED", "GROUP_DISSOLVED", "GROUP_UPGRADED"],
    handler: async ({ typing }, { claims, params }) => {
      await typing.tell(claims.userId, params.peer);
      return { data: {} };
    },
  }),
];
