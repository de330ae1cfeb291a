import { dndOf, dndScheduleSchema, systemConversationOf } from "@dunlin/domain";
import { z } from "zod";
import { route } from "../http/route.js";
import { changeView, SEQ_MAX } from "./schemas.js";
import { who } from "./who.js";

const schedule = dndScheduleSchema.meta({ id: "DndSchedule" });

const dndView = z
  .object({
    snooze_until: z.int().meta({ description: "No pushes up to here, ms since 1970; 0: not snoozed" }),
    schedule: schedule.nullable(),
    allow_mentions: z.boolean().meta({ description: "Messages that mention one are pushed all the same, also in muted dialogs" }),
  })
  .meta({ id: "Dnd" });

const tag = "Do not disturb";

export const dndRoutes = [
  route({
    id: "getDnd",
    method: "get",
    path: "/v1/dnd",
    tag,
    summary: "When one is not to be disturbed by pushes",
    who: who.self,
    response: dndView,
    errors: [],
    handler: async ({ store }, { claims }) => {
      const { snoozeUntil, schedule, allowMentions } = dndOf(await store.dnd.get(claims.userId));
      return { data: { snooze_until: snoozeUntil, schedule, allow_mentions: allowMentions } };
    },
  }),
  route({
    id: "setDnd",
    method: "put",
    path: "/v1/dnd",
    tag,
    summary: "Choose when not to be disturbed: what is not given is off. 202 when it takes effect a little later",
    who: who.self,
    body: z
      .strictObject({
        snooze_until: z.int().min(0).max(SEQ_MAX).optional(),
        schedule: schedule.nullable().optional(),
        allow_mentions: z.boolean().optional(),
      })
      .meta({ id: "DndChange" }),
    statuses: [200, 202],
    response: changeView,
    errors: ["NOT_FOUND", "QUEUE_FULL"],
    handler: async ({ outcomes }, { claims: { userId }, body, requestId }) => {
      const state = await outcomes.run(systemConversationOf(userId), requestId, {
        $case: "setDnd",
        value: {
          userId,
          snoozeUntil: body.snooze_until ?? 0,
          schedule: body.schedule ? JSON.stringify(body.schedule) : undefined,
          allowMentions: body.allow_mentions ?? false,
        },
      });
      return { status: state === "applied" ? 200 : 202, data: { state } };
    },
  }),
];
