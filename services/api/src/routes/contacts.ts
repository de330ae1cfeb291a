import type { ContactOutcome } from "@dunlin/domain";
import type { ContactRow, ContactState } from "@dunlin/engines/store";
import { z } from "zod";
import type { Api } from "../api.js";
import { makeCursor, readCursor } from "../cursor.js";
import { route } from "../http/route.js";
import { cursorParameter, pageOf, plainText, queryInteger, time, userId } from "./schemas.js";
import { who } from "./who.js";

const PAGE_MAX = 200;
const DEFAULT_LIMIT = 100;
const userParameter = z.strictObject({ user: userId });
const remark = plainText(64);

const contactView = z
  .object({
    user_id: z.string(),
    nickname: z.string(),
    avatar: z.string(),
    state: z
      .enum(["contact", "incoming", "outgoing", "none"])
      .meta({ description: "incoming: the user has asked, outgoing: oneself has; none: neither contact nor request" }),
    remark: z.string().meta({ description: "What one calls the user" }),
    message: z.string().meta({ description: "What came with the request" }),
    since: time("When it came into this state; 0 for none"),
  })
  .meta({ id: "Contact" });

type ContactView = z.input<typeof contactView>;

const showAll = async ({ store }: Api, rows: readonly Omit<ContactRow, "userId">[], state?: "none"): Promise<ContactView[]> => {
  const users = new Map((await store.users.get(rows.map((row) => row.peer))).map((user) => [user.id, user]));
  return rows.map((row) => ({
    user_id: row.peer,
    nickname: users.get(row.peer)?.nickname ?? "",
    avatar: users.get(row.peer)?.avatar ?? "",
    state: state ?? row.state,
    remark: row.remark,
    message: row.message,
    since: row.since,
  }));
};

const reply = async (api: Api, peer: string, { row, outcome }: ContactOutcome) => {
  const nothing = { peer, state: "contact", remark: "", message: "", since: 0 } as const;
  const [data] = row ? await showAll(api, [row]) : await showAll(api, [nothing], "none");
  return { status: outcome === "applied" ? 200 : 202, data: data as ContactView };
};

const list = async (api: Api, caller: string, state: ContactState, cursor: string | undefined, limit = DEFAULT_LIMIT) => {
  const name = `contacts ${state}`;
  const after = cursor === undefined ? "" : readCursor(name, caller, z.string().max(64), cursor);
  const rows = await api.store.contacts.list(caller, state, after, limit + 1);
  const shown = rows.slice(0, limit);
  const last = rows.length > limit ? shown.at(-1) : undefined;
  return { data: { items: await showAll(api, shown), next_cursor: last ? makeCursor(name, caller, last.peer) : null } };
};

const tag = "Contacts";
const late = "202 when it takes effect a little later";
const told = "The devices of both follow by CONTACT updates";

export const contactRoutes = [
  route({
    id: "requestContact",
    method: "post",
    path: "/v1/contacts",
    tag,
    summary: `Ask a user to be a contact; who has been asked by that user accepts. At most 5,000 contacts and 100 open requests of one's own. ${told}. ${late}`,
    who: "Every user whom neither a block of either side keeps away.",
    bounds:
      "At most 5,000 contacts and 100 open requests of one's own, 1,000 to one user; who was refused asks that user again after `IM_CONTACT_PAUSE_S`, a day",
    limit: "contact",
    body: z.strictObject({ user_id: userId, message: plainText(256).optional() }).meta({ id: "ContactRequest" }),
    statuses: [200, 202],
    response: contactView,
    errors: ["NOT_FOUND", "PEER_NOT_FOUND", "PEER_REFUSES", "CONTACT_PAUSED", "LIST_FULL", "QUEUE_FULL"],
    handler: async (api, { claims, body, requestId }) => {
      return reply(api, body.user_id, await api.contacts.request(claims.userId, body.user_id, body.message ?? "", requestId));
    },
  }),
  route({
    id: "listContacts",
    method: "get",
    path: "/v1/contacts",
    tag,
    summary: "One's contacts, by user id",
    who: who.self,
    query: z.strictObject({ cursor: cursorParameter.optional(), limit: queryInteger(1, PAGE_MAX).optional() }),
    response: pageOf(contactView),
    errors: [],
    handler: (api, { claims, query }) => list(api, claims.userId, "contact", query.cursor, query.limit),
  }),
  route({
    id: "listContactRequests",
    method: "get",
    path: "/v1/contacts/requests",
    tag,
    summary: "Requests that wait for an answer, by user id: those of others, or with direction=outgoing one's own",
    who: who.self,
    query: z.strictObject({
      direction: z.enum(["incoming", "outgoing"]).optional(),
      cursor: cursorParameter.optional(),
      limit: queryInteger(1, PAGE_MAX).optional(),
    }),
    response: pageOf(contactView),
    errors: [],
    handler: (api, { claims, query }) => list(api, claims.userId, query.direction ?? "incoming", query.cursor, query.limit),
  }),
  route({
    id: "answerContact",
    method: "post",
    path: "/v1/contacts/{user}",
    tag,
    summary: `Accept or refuse a user's request. ${told}. ${late}`,
    who: "Whom the request was made to.",
    bounds: "At most 5,000 contacts",
    params: userParameter,
    body: z.strictObject({ action: z.enum(["accept", "refuse"]) }).meta({ id: "ContactAnswer" }),
    statuses: [200, 202],
    response: contactView,
    errors: ["NOT_FOUND", "LIST_FULL", "QUEUE_FULL"],
    handler: async (api, { claims, params: { user }, body, requestId }) =>
      reply(api, user, await api.contacts.answer(claims.userId, user, body.action === "accept", requestId)),
  }),
  route({
    id: "updateContact",
    method: "patch",
    path: "/v1/contacts/{user}",
    tag,
    summary: `Say what one calls a contact. Only one's own devices learn it. ${late}`,
    who: "Every user, of one's own contacts.",
    params: userParameter,
    body: z.strictObject({ remark }).meta({ id: "ContactChange" }),
    statuses: [200, 202],
    response: contactView,
    errors: ["NOT_FOUND", "QUEUE_FULL"],
    handler: async (api, { claims, params: { user }, body, requestId }) =>
      reply(api, user, await api.contacts.setRemark(claims.userId, user, body.remark, requestId)),
  }),
  route({
    id: "removeContact",
    method: "delete",
    path: "/v1/contacts/{user}",
    tag,
    summary: `End a contact, take one's request back or refuse the other's. ${told}. ${late}`,
    who: "Both sides of the contact or the request.",
    params: userParameter,
    statuses: [200, 202],
    response: contactView,
    errors: ["NOT_FOUND", "QUEUE_FULL"],
    handler: async (api, { claims, params: { user }, requestId }) =>
      reply(api, user, await api.contacts.remove(claims.userId, user, requestId)),
  }),
];
