import { randomBytes } from "node:crypto";
import { eventually } from "../support/eventually.js";
import { PASSWORD } from "../support/person.js";
import { pngFile } from "../support/pictures.js";
import { type Request, type Role, type Row, roles, type Scene } from "./authorisation-table.js";

/** Everybody with a token. */
const users = roles.filter((role) => role !== "nobody");
const strangers = users.filter((role) => role !== "owner");
const unblocked = users.filter((role) => role !== "blocked");
const owner = ["owner"] as const;

const each = <C extends number | readonly number[]>(some: readonly Role[], code: C): Partial<Record<Role, C>> =>
  Object.fromEntries(some.map((role) => [role, code]));
/** Nobody's token matters: the operation is open, or the request itself is its permission. */
const all = <C extends number | readonly number[]>(code: C) => each(roles, code);

/** What everybody does with one's own, and with nobody else's. */
const mine = (operation: string, body?: unknown, query = ""): Row => {
  const [method = "", path = ""] = operation.split(" ");
  const request = { method, path: path + query, ...(body === undefined ? {} : { body }) };
  return { operation, needsGroup: false, allowed: users, request: () => request };
};

/** What is done with something that is made for it. */
const about = (
  row: Pick<Row, "operation" | "as" | "allowed" | "refusals">,
  make: (scene: Scene) => Promise<string>,
  request: (thing: string, scene: Scene, role: Role) => Request,
): Row => {
  let thing = "";
  return {
    needsGroup: false,
    ...row,
    prepare: async (scene) => {
      thing = await make(scene);
    },
    request: (scene, role) => request(thing, scene, role),
  };
};

const unique = (): string => randomBytes(6).toString("hex");
const hi = { msg_type: "text", text: "hi" };

/** The owner writes to the member, who gets it: a conversation of these two, which nobody else knows of. */
const said = async ({ persons: { owner: one, member } }: Scene): Promise<string> => {
  const { id } = await one.client.messages.sendText(member.id, "between us");
  await eventually("the message stored", async () =>
    (await member.client.dialogs.history(one.id)).items.some((message) => message.id === id),
  );
  return id;
};
const both = ["owner", "member"] as const;
const outside = users.filter((role) => role !== "owner" && role !== "member");
/** An operation on a message of two. The third knows nothing of it, whoever that is. */
const inPair = (operation: string, allowed: readonly Role[], path = "", body?: unknown): Row =>
  about({ operation, as: "of two", allowed, refusals: each(outside, 404) }, said, (id) => ({
    method: operation.split(" ")[0] ?? "",
    path: `/v1/messages/${id}${path}`,
    ...(body === undefined ? {} : { body }),
  }));
/** An operation on a dialog that the owner has with somebody, and nobody else does. */
const dialogOfTwo = (operation: string, path = "", body?: unknown): Row =>
  about(
    { operation, as: "of two", allowed: owner, refusals: each(strangers, 404) },
    async ({ persons, outsider }) => {
      const { client } = persons.owner;
      await client.messages.sendText(outsider("owner").id, "dear");
      await eventually("the dialog", () => client.dialogs.get(outsider("owner").id).catch(() => undefined));
      return outsider("owner").id;
    },
    (peer) => ({ method: operation.split(" ")[0] ?? "", path: `/v1/dialogs/${peer}${path}`, ...(body === undefined ? {} : { body }) }),
  );

const picture = pngFile(20, 10);
const uploaded = async ({ persons }: Scene): Promise<string> => (await persons.owner.client.files.upload("a.png", picture)).id;
const announced = ({ persons }: Scene) => persons.owner.client.files.create({ name: "a.png", size: picture.size, type: picture.type });
const put = async (scene: Scene): Promise<string> => {
  const { id, upload_url, headers } = await announced(scene);
  await fetch(new URL(upload_url, scene.persons.owner.apiUrl), { method: "PUT", headers, body: picture });
  return id;
};
const noFile = each(strangers, 870);
/** Where the blobs are in an S3-compatible store there is no such way in. */
const notSigned = [403, 404];
const FORGED = "/v1/blobs/Zm9yZ2Vk.Zm9yZ2Vk";

/** Somebody who has asked the owner to be a contact. */
const asked = async ({ outsider, persons }: Scene): Promise<string> => {
  await outsider("owner").client.contacts.request(persons.owner.id);
  return outsider("owner").id;
};
const befriended = async (scene: Scene): Promise<string> => {
  const id = await asked(scene);
  await scene.persons.owner.client.contacts.accept(id);
  return id;
};

const HOUR_MS = 3_600_000;
/** An operation on a message that the owner has scheduled, even for the one it is to. */
const ofLater = (operation: string, body?: unknown): Row =>
  about(
    { operation, allowed: owner, refusals: each(strangers, 404) },
    async ({ persons: { owner: one, member } }) =>
      (await one.client.scheduled.create({ to: member.id, payload: hi }, Date.now() + HOUR_MS)).id,
    (id) => ({
      method: operation.split(" ")[0] ?? "",
      path: `/v1/scheduled-messages/${id}`,
      ...(body === undefined ? {} : { body }),
    }),
  );

/** Operations that are not about a group: on oneself, on what is one's own, between two. */
export const peopleRows: readonly Row[] = [
  // Without a token.
  {
    operation: "POST /v1/auth/register",
    needsGroup: false,
    allowed: roles,
    request: () => ({
      method: "POST",
      path: "/v1/auth/register",
      body: { account: `row-${unique()}`, password: PASSWORD, device_id: "row", platform: "test" },
    }),
  },
  {
    operation: "POST /v1/auth/login",
    needsGroup: false,
    allowed: roles,
    request: ({ target }, role) => ({
      method: "POST",
      path: "/v1/auth/login",
      body: { account: target(role).account, password: PASSWORD, device_id: unique(), platform: "test" },
    }),
  },
  {
    operation: "POST /v1/auth/refresh",
    as: "with an access token in its place",
    needsGroup: false,
    allowed: [],
    refusals: all(706),
    request: ({ persons }) => ({ method: "POST", path: "/v1/auth/refresh", body: { refresh_token: persons.owner.client.accessToken } }),
  },
  {
    operation: "POST /v1/auth/email-codes",
    needsGroup: false,
    allowed: roles,
    request: () => ({ method: "POST", path: "/v1/auth/email-codes", body: { email: `${unique()}@example.org`, purpose: "register" } }),
  },
  {
    operation: "POST /v1/auth/reset-password",
    as: "with no code that was sent",
    needsGroup: false,
    allowed: [],
    refusals: all(880),
    request: () => ({
      method: "POST",
      path: "/v1/auth/reset-password",
      body: { email: `${unique()}@example.org`, code: "000000", password: PASSWORD },
    }),
  },
  {
    operation: "POST /v1/auth/logout",
    needsGroup: false,
    allowed: users,
    caller: ({ target }, role) => target(role).device(),
    request: () => ({ method: "POST", path: "/v1/auth/logout" }),
  },
  about(
    { operation: "PUT /v1/blobs/{token}", allowed: roles },
    async (scene) => (await announced(scene)).upload_url,
    (path) => ({ method: "PUT", path, body: picture }),
  ),
  {
    operation: "PUT /v1/blobs/{token}",
    as: "forged",
    needsGroup: false,
    allowed: [],
    refusals: all(notSigned),
    request: () => ({ method: "PUT", path: FORGED, body: picture }),
  },
  {
    operation: "GET /v1/blobs/{token}",
    as: "forged",
    needsGroup: false,
    allowed: [],
    refusals: all(notSigned),
    request: () => ({ method: "GET", path: FORGED }),
  },

  // Oneself.
  mine("GET /v1/users/me"),
  mine("PATCH /v1/users/me", { nickname: "row" }),
  mine("GET /v1/sessions"),
  mine("GET /v1/updates", undefined, "?pts=0"),
  mine("GET /v1/gateway"),
  mine("GET /v1/dialogs"),
  mine("GET /v1/dialogs/unread"),
  mine("PUT /v1/dialogs/pinned", { peers: [] }),
  mine("GET /v1/dnd"),
  mine("PUT /v1/dnd", { snooze_until: 0 }),
  mine("GET /v1/privacy"),
  mine("PUT /v1/privacy", { messages: "everyone", groups: "everyone", last_seen: "everyone", find_by_account: true }),
  mine("GET /v1/blocks"),
  mine("GET /v1/contacts"),
  mine("GET /v1/contacts/requests"),
  mine("PUT /v1/presence/subscriptions", { user_ids: [] }),
  { ...mine("PUT /v1/presence", { status: "away" }), as: "of a device that is not connected", allowed: [], refusals: each(users, 850) },
  about(
    { operation: "DELETE /v1/sessions/{id}", allowed: owner, refusals: each(strangers, 404) },
    async ({ persons }) => {
      const phone = await persons.owner.device();
      return (await phone.client.sessions.list()).find((session) => session.current)?.id ?? "";
    },
    (id) => ({ method: "DELETE", path: `/v1/sessions/${id}` }),
  ),

  // Others, as far as they let one.
  {
    operation: "GET /v1/users/{id}",
    needsGroup: false,
    allowed: users,
    request: ({ persons }) => ({ method: "GET", path: `/v1/users/${persons.owner.id}` }),
  },
  {
    operation: "GET /v1/users",
    as: "the owner, by account",
    needsGroup: false,
    allowed: unblocked,
    refusals: { blocked: 404 },
    request: ({ persons }) => ({ method: "GET", path: `/v1/users?account=${persons.owner.account}` }),
  },
  {
    operation: "GET /v1/presence",
    needsGroup: false,
    allowed: users,
    request: ({ persons }) => ({ method: "GET", path: `/v1/presence?user_ids=${persons.owner.id}` }),
  },
  {
    operation: "PUT /v1/blocks/{user}",
    needsGroup: false,
    allowed: users,
    request: ({ target }, role) => ({ method: "PUT", path: `/v1/blocks/${target(role).id}` }),
  },
  {
    operation: "DELETE /v1/blocks/{user}",
    needsGroup: false,
    allowed: users,
    request: ({ target }, role) => ({ method: "DELETE", path: `/v1/blocks/${target(role).id}` }),
  },
  {
    operation: "POST /v1/contacts",
    as: "asking the owner; the owner asks another",
    needsGroup: false,
    allowed: unblocked,
    refusals: { blocked: 860 },
    request: ({ persons, outsider }, role) => ({
      method: "POST",
      path: "/v1/contacts",
      body: { user_id: role === "owner" ? outsider("admin").id : persons.owner.id },
    }),
  },
  about({ operation: "POST /v1/contacts/{user}", allowed: owner, refusals: each(strangers, 404) }, asked, (id) => ({
    method: "POST",
    path: `/v1/contacts/${id}`,
    body: { action: "accept" },
  })),
  about({ operation: "PATCH /v1/contacts/{user}", allowed: owner, refusals: each(strangers, 404) }, befriended, (id) => ({
    method: "PATCH",
    path: `/v1/contacts/${id}`,
    body: { remark: "a friend" },
  })),
  about(
    { operation: "DELETE /v1/contacts/{user}", as: "the owner's: another has nothing to end there", allowed: users },
    befriended,
    (id) => ({ method: "DELETE", path: `/v1/contacts/${id}` }),
  ),
  {
    operation: "POST /v1/groups",
    as: "with the owner in it",
    needsGroup: false,
    allowed: unblocked,
    refusals: { blocked: 861 },
    request: ({ persons }) => ({ method: "POST", path: "/v1/groups", body: { kind: "group", title: "row", members: [persons.owner.id] } }),
  },

  // Between two.
  {
    operation: "POST /v1/messages",
    as: "to the owner; of the owner to the blocked",
    needsGroup: false,
    allowed: strangers.filter((role) => role !== "blocked"),
    refusals: { blocked: 860, owner: 860 },
    request: ({ persons }, role) => ({
      method: "POST",
      path: "/v1/messages",
      body: { to: (role === "owner" ? persons.blocked : persons.owner).id, client_msg_id: unique(), payload: hi },
    }),
  },
  {
    operation: "POST /v1/messages/batch",
    as: "its parts are refused one by one",
    needsGroup: false,
    allowed: users,
    request: ({ persons }) => ({
      method: "POST",
      path: "/v1/messages/batch",
      body: { messages: [{ to: persons.owner.id, client_msg_id: unique(), payload: hi }] },
    }),
  },
  {
    operation: "POST /v1/dialogs/{peer}/typing",
    as: "to the owner; of the owner to the blocked",
    needsGroup: false,
    allowed: strangers.filter((role) => role !== "blocked"),
    refusals: { blocked: 860, owner: 860 },
    request: ({ persons }, role) => ({
      method: "POST",
      path: `/v1/dialogs/${(role === "owner" ? persons.blocked : persons.owner).id}/typing`,
    }),
  },
  inPair("PATCH /v1/messages/{id}", owner, "", { payload: { msg_type: "text", text: "better" } }),
  inPair("GET /v1/messages/{id}/edits", owner, "/edits"),
  inPair("GET /v1/messages/{id}/readers", both, "/readers"),
  inPair("DELETE /v1/messages/{id}?for=everyone", owner, "?for=everyone"),
  inPair("DELETE /v1/messages/{id}?for=me", both, "?for=me"),
  inPair("PUT /v1/messages/{id}/reactions/{emoji}", both, `/reactions/${encodeURIComponent("👍")}`),
  inPair("DELETE /v1/messages/{id}/reactions/{emoji}", both, `/reactions/${encodeURIComponent("👍")}`),
  inPair("PUT /v1/messages/{id}/pin", both, "/pin"),
  inPair("DELETE /v1/messages/{id}/pin", both, "/pin"),
  dialogOfTwo("GET /v1/dialogs/{peer}"),
  dialogOfTwo("PATCH /v1/dialogs/{peer}", "", { draft: "dear" }),
  dialogOfTwo("GET /v1/dialogs/{peer}/mentions", "/mentions"),
  dialogOfTwo("POST /v1/dialogs/{peer}/read", "/read", { seq: 1 }),
  dialogOfTwo("DELETE /v1/dialogs/{peer}"),

  // Later.
  {
    operation: "POST /v1/scheduled-messages",
    as: "to a group",
    allowed: ["blocked", "member", "admin", "owner"],
    request: ({ group }) => ({
      method: "POST",
      path: "/v1/scheduled-messages",
      body: { to: group, client_msg_id: unique(), payload: hi, send_at: Date.now() + HOUR_MS },
    }),
  },
  mine("GET /v1/scheduled-messages"),
  ofLater("GET /v1/scheduled-messages/{id}"),
  ofLater("PATCH /v1/scheduled-messages/{id}", { payload: { msg_type: "text", text: "better" } }),
  ofLater("DELETE /v1/scheduled-messages/{id}"),

  // Files.
  mine("POST /v1/files", { name: "a.png", size: picture.size, type: picture.type }),
  about({ operation: "POST /v1/files/{id}/complete", allowed: owner, refusals: noFile }, put, (id) => ({
    method: "POST",
    path: `/v1/files/${id}/complete`,
  })),
  about({ operation: "GET /v1/files/{id}", as: "before it was sent", allowed: owner, refusals: noFile }, uploaded, (id) => ({
    method: "GET",
    path: `/v1/files/${id}`,
  })),
  about({ operation: "GET /v1/files/{id}/thumbnail", as: "before it was sent", allowed: owner, refusals: noFile }, uploaded, (id) => ({
    method: "GET",
    path: `/v1/files/${id}/thumbnail?size=128`,
  })),
];
