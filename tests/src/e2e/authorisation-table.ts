import { eventually } from "../support/eventually.js";
import type { GroupKind } from "../support/led-group.js";
import type { Person } from "../support/person.js";
import { pngFile } from "../support/pictures.js";

/**
 * Who calls. Kicked and banned have been members; a stranger never was one; nobody has no token. The blocked is a member
 * whom the owner has blocked, which means nothing within a group.
 */
export const roles = ["nobody", "stranger", "banned", "kicked", "blocked", "member", "admin", "owner"] as const;
export type Role = (typeof roles)[number];

/** A group as each row finds it: fresh, with somebody in every role. */
export interface Scene {
  readonly kind: GroupKind;
  readonly group: string;
  readonly persons: Readonly<Record<Exclude<Role, "nobody">, Person>>;
  /** A member apart for each role, to do things to. */
  target(role: Role): Person;
  /** Somebody outside of the group, apart for each role. */
  outsider(role: Role): Person;
}

export interface Request {
  readonly method: string;
  readonly path: string;
  /** Sent as JSON; a Blob as it is. */
  readonly body?: unknown;
}

/** One operation, and whose part it is. Where nothing else is said, who is refused gets the usual code of that role. */
export interface Row {
  /** As OpenAPI has it: method and path. Several rows may show one operation. */
  readonly operation: string;
  /** What is special about it. */
  readonly as?: string;
  /** Whether the scene has a group; true when it is not said. */
  readonly needsGroup?: boolean;
  readonly allowed: readonly Role[];
  readonly request: (scene: Scene, role: Role) => Request;
  /** Codes of refusals that are not the usual ones; of several either. */
  readonly refusals?: Readonly<Partial<Record<Role, number | readonly number[]>>>;
  /** What is different in a supergroup; false: there is no such thing in one. */
  readonly inSupergroup?: false | Partial<Pick<Row, "allowed" | "refusals">>;
  /** For supergroups alone. */
  readonly supergroupOnly?: true;
  /** That the thing is there is nobody's secret. */
  readonly known?: true;
  /** Called once in the fresh scene. */
  readonly prepare?: (scene: Scene) => Promise<void>;
  /** Whose device asks; the person's of that role when it is not said. */
  readonly caller?: (scene: Scene, role: Exclude<Role, "nobody">) => Promise<Person>;
}

/** The code that a role is refused with: its token, its membership, its rights. */
export const usualRefusal: Readonly<Record<Role, number>> = {
  nobody: 706,
  stranger: 804,
  banned: 804,
  kicked: 804,
  blocked: 403,
  member: 403,
  admin: 403,
  owner: 403,
};

const members = ["blocked", "member", "admin", "owner"] as const;
/** Who has been in the group keeps the dialog, up to there. */
const past = ["banned", "kicked", ...members] as const;
const leaders = ["admin", "owner"] as const;
const owner = ["owner"] as const;
let sends = 0;

/** A request whose path and body name only the group. */
const on =
  (method: string, path = "", body?: unknown) =>
  ({ group }: Scene): Request => ({ method, path: `/v1/groups/${group}${path}`, ...(body === undefined ? {} : { body }) });

const withLink = (join: "link" | "approval") => async (scene: Scene) => {
  const { client } = scene.persons.owner;
  await client.groups.update(scene.group, { join });
  const { link } = await client.groups.newInviteLink(scene.group);
  links.set(scene.group, link);
};
const links = new Map<string, string>();
const joining = ({ group }: Scene): Request => ({ method: "POST", path: "/v1/groups/join", body: { link: links.get(group) } });

/** The owner says something, which everybody still in the group may see; to anybody else it does not exist. */
const said = new Map<string, string>();
const ownerSpeaks = async ({ group, persons }: Scene): Promise<void> => {
  const { id } = await persons.owner.client.messages.sendText(group, "hear, hear");
  said.set(group, id);
  await eventually("the message stored", async () => (await persons.owner.client.dialogs.history(group)).items.length === 1);
};
const unseen = { stranger: 404, kicked: 404, banned: 404 } as const;
/** A request about what the owner has said. */
const about =
  (method: string, path = "", body?: unknown) =>
  ({ group }: Scene): Request => ({ method, path: `/v1/messages/${said.get(group)}${path}`, ...(body === undefined ? {} : { body }) });
const thumb = `/reactions/${encodeURIComponent("👍")}`;
const edited = { payload: { msg_type: "text", text: "listen" } };
const messageRow = (operation: string, allowed: readonly Role[], request: Row["request"]): Row => ({
  operation,
  allowed,
  request,
  refusals: unseen,
  prepare: ownerSpeaks,
});

/** A picture of the owner's that the group was sent. */
const pictures = new Map<string, string>();
const pictureSent = async (scene: Scene): Promise<void> => {
  const { client } = scene.persons.owner;
  const { id } = await client.files.upload("a.png", pngFile(20, 10));
  pictures.set(scene.group, id);
  await client.messages.send({ to: scene.group, payload: { msg_type: "file", file_id: id, size: 1, name: "a.png" } });
  await eventually("the file sent", async () => (await client.dialogs.history(scene.group)).items.length === 1);
};
const pictureRow = (operation: string, path: string): Row => ({
  operation,
  as: "sent to the group",
  allowed: members,
  refusals: { stranger: 870, kicked: 870, banned: 870 },
  prepare: pictureSent,
  request: ({ group }) => ({ method: "GET", path: `/v1/files/${pictures.get(group)}${path}` }),
});

/** Every operation on a group, by whose part it is: add a row for each new one. */
export const groupRows: readonly Row[] = [
  { operation: "GET /v1/groups/{id}", allowed: members, request: on("GET") },
  { operation: "PATCH /v1/groups/{id}", allowed: leaders, request: on("PATCH", "", { announcement: "hear, hear" }) },
  { operation: "DELETE /v1/groups/{id}", allowed: owner, request: on("DELETE") },
  { operation: "GET /v1/groups/{id}/members", allowed: members, request: on("GET", "/members") },
  {
    operation: "POST /v1/groups/{id}/members",
    allowed: members,
    request: ({ group, outsider }, role) => ({
      method: "POST",
      path: `/v1/groups/${group}/members`,
      body: { user_ids: [outsider(role).id] },
    }),
  },
  {
    operation: "POST /v1/groups/{id}/members",
    as: "where joining needs approval",
    allowed: leaders,
    prepare: withLink("approval"),
    request: ({ group, outsider }, role) => ({
      method: "POST",
      path: `/v1/groups/${group}/members`,
      body: { user_ids: [outsider(role).id] },
    }),
  },
  {
    operation: "POST /v1/groups/{id}/members",
    as: "of a banned user",
    allowed: [],
    refusals: { blocked: 833, member: 833, admin: 833, owner: 833 },
    request: ({ group, persons }) => ({ method: "POST", path: `/v1/groups/${group}/members`, body: { user_ids: [persons.banned.id] } }),
  },
  {
    operation: "PATCH /v1/groups/{id}/members/{user}",
    as: "a role",
    allowed: owner,
    request: ({ group, target }, role) => ({
      method: "PATCH",
      path: `/v1/groups/${group}/members/${target(role).id}`,
      body: { role: "admin" },
    }),
  },
  {
    operation: "PATCH /v1/groups/{id}/members/{user}",
    as: "a mute",
    allowed: leaders,
    request: ({ group, target }, role) => ({
      method: "PATCH",
      path: `/v1/groups/${group}/members/${target(role).id}`,
      body: { muted_until: 4_000_000_000_000 },
    }),
  },
  {
    operation: "PATCH /v1/groups/{id}/members/{user}",
    as: "the owner's",
    allowed: [],
    request: ({ group, persons }) => ({
      method: "PATCH",
      path: `/v1/groups/${group}/members/${persons.owner.id}`,
      body: { muted_until: 4_000_000_000_000 },
    }),
  },
  {
    operation: "DELETE /v1/groups/{id}/members/{user}",
    allowed: leaders,
    request: ({ group, target }, role) => ({ method: "DELETE", path: `/v1/groups/${group}/members/${target(role).id}` }),
  },
  {
    operation: "DELETE /v1/groups/{id}/members/{user}",
    as: "an admin",
    allowed: owner,
    request: ({ group, target }) => ({ method: "DELETE", path: `/v1/groups/${group}/members/${target("admin").id}` }),
    prepare: ({ group, persons, target }) => persons.owner.client.groups.updateMember(group, target("admin").id, { role: "admin" }),
  },
  {
    operation: "POST /v1/groups/{id}/leave",
    allowed: ["blocked", "member", "admin"],
    refusals: { owner: 841 },
    request: on("POST", "/leave"),
  },
  {
    operation: "POST /v1/groups/{id}/transfer",
    allowed: owner,
    request: ({ group, target }, role) => ({ method: "POST", path: `/v1/groups/${group}/transfer`, body: { user_id: target(role).id } }),
  },
  {
    operation: "PUT /v1/groups/{id}/bans/{user}",
    allowed: leaders,
    request: ({ group, target }, role) => ({ method: "PUT", path: `/v1/groups/${group}/bans/${target(role).id}` }),
  },
  {
    operation: "PUT /v1/groups/{id}/bans/{user}",
    as: "the owner",
    allowed: [],
    request: ({ group, persons }) => ({ method: "PUT", path: `/v1/groups/${group}/bans/${persons.owner.id}` }),
  },
  {
    operation: "DELETE /v1/groups/{id}/bans/{user}",
    allowed: leaders,
    request: ({ group, persons }) => ({ method: "DELETE", path: `/v1/groups/${group}/bans/${persons.banned.id}` }),
  },
  { operation: "GET /v1/groups/{id}/bans", allowed: leaders, request: on("GET", "/bans") },
  { operation: "POST /v1/groups/{id}/invite-link", allowed: leaders, request: on("POST", "/invite-link", { max_uses: 3 }) },
  { operation: "GET /v1/groups/{id}/invite-link", allowed: leaders, prepare: withLink("link"), request: on("GET", "/invite-link") },
  { operation: "DELETE /v1/groups/{id}/invite-link", allowed: leaders, request: on("DELETE", "/invite-link") },
  {
    operation: "POST /v1/groups/join",
    allowed: ["stranger", "kicked", ...members],
    refusals: { banned: 833 },
    prepare: withLink("link"),
    request: joining,
  },
  {
    operation: "POST /v1/groups/join",
    as: "where it needs approval",
    allowed: ["stranger", "kicked", ...members],
    refusals: { banned: 833 },
    prepare: withLink("approval"),
    request: joining,
  },
  { operation: "POST /v1/groups/{id}/upgrade", allowed: owner, inSupergroup: false, request: on("POST", "/upgrade") },
  {
    operation: "POST /v1/groups/{id}/join",
    supergroupOnly: true,
    known: true,
    allowed: ["stranger", "kicked", ...members],
    refusals: { banned: 833 },
    request: on("POST", "/join"),
  },
  {
    operation: "POST /v1/groups/{id}/join",
    as: "where it is not open",
    supergroupOnly: true,
    allowed: members,
    refusals: unseen,
    prepare: withLink("link"),
    request: on("POST", "/join"),
  },
  {
    operation: "GET /v1/supergroups/{id}/updates",
    supergroupOnly: true,
    allowed: members,
    request: ({ group }) => ({ method: "GET", path: `/v1/supergroups/${group}/updates?pts=1` }),
  },
  { operation: "GET /v1/groups/{id}/join-requests", allowed: leaders, request: on("GET", "/join-requests") },
  {
    operation: "POST /v1/groups/{id}/join-requests/{user}",
    allowed: leaders,
    prepare: async (scene) => {
      await withLink("approval")(scene);
      const link = links.get(scene.group) ?? "";
      await Promise.all(leaders.map((role) => scene.outsider(role).client.groups.join(link)));
    },
    request: ({ group, outsider }, role) => ({
      method: "POST",
      path: `/v1/groups/${group}/join-requests/${outsider(role).id}`,
      body: { accept: true },
    }),
  },
  {
    operation: "POST /v1/messages",
    allowed: members,
    request: ({ group }) => ({
      method: "POST",
      path: "/v1/messages",
      body: { to: group, client_msg_id: `row-${sends++}`, payload: { msg_type: "text", text: "hi" } },
    }),
  },
  {
    operation: "POST /v1/messages",
    as: "while all are muted",
    allowed: leaders,
    refusals: { blocked: 831, member: 831 },
    prepare: async ({ group, persons }) => void (await persons.owner.client.groups.update(group, { muted_until: 4_000_000_000_000 })),
    request: ({ group }) => ({
      method: "POST",
      path: "/v1/messages",
      body: { to: group, client_msg_id: `row-${sends++}`, payload: { msg_type: "text", text: "hi" } },
    }),
  },
  {
    operation: "GET /v1/search",
    allowed: past,
    request: ({ group }) => ({ method: "GET", path: `/v1/search?q=hello&peer=${group}` }),
  },
  {
    operation: "GET /v1/dialogs/{peer}/messages",
    allowed: past,
    request: ({ group }) => ({ method: "GET", path: `/v1/dialogs/${group}/messages` }),
  },
  {
    operation: "POST /v1/dialogs/{peer}/read",
    allowed: past,
    request: ({ group }) => ({ method: "POST", path: `/v1/dialogs/${group}/read`, body: { seq: 0 } }),
  },
  {
    operation: "GET /v1/dialogs/{peer}",
    allowed: past,
    request: ({ group }) => ({ method: "GET", path: `/v1/dialogs/${group}` }),
  },
  {
    operation: "GET /v1/dialogs/{peer}/pinned",
    allowed: past,
    request: ({ group }) => ({ method: "GET", path: `/v1/dialogs/${group}/pinned` }),
  },
  messageRow("PATCH /v1/messages/{id}", owner, about("PATCH", "", edited)),
  messageRow("GET /v1/messages/{id}/edits", leaders, about("GET", "/edits")),
  messageRow("GET /v1/messages/{id}/readers", members, about("GET", "/readers")),
  messageRow("DELETE /v1/messages/{id}?for=everyone", leaders, about("DELETE", "?for=everyone")),
  messageRow("DELETE /v1/messages/{id}?for=me", members, about("DELETE", "?for=me")),
  messageRow("PUT /v1/messages/{id}/reactions/{emoji}", members, about("PUT", thumb)),
  messageRow("DELETE /v1/messages/{id}/reactions/{emoji}", members, about("DELETE", thumb)),
  messageRow("PUT /v1/messages/{id}/pin", leaders, about("PUT", "/pin")),
  messageRow("DELETE /v1/messages/{id}/pin", leaders, about("DELETE", "/pin")),
  {
    operation: "GET /v1/dialogs/{peer}/mentions",
    allowed: past,
    request: ({ group }) => ({ method: "GET", path: `/v1/dialogs/${group}/mentions` }),
  },
  {
    operation: "PATCH /v1/dialogs/{peer}",
    allowed: past,
    request: ({ group }) => ({ method: "PATCH", path: `/v1/dialogs/${group}`, body: { pinned: true } }),
  },
  {
    operation: "DELETE /v1/dialogs/{peer}",
    allowed: past,
    request: ({ group }) => ({ method: "DELETE", path: `/v1/dialogs/${group}` }),
  },
  {
    operation: "PUT /v1/dialogs/pinned",
    as: "a dialog with the group",
    allowed: past,
    refusals: { stranger: 404 },
    request: ({ group }) => ({ method: "PUT", path: "/v1/dialogs/pinned", body: { peers: [group] } }),
  },
  {
    operation: "POST /v1/dialogs/{peer}/typing",
    allowed: members,
    request: ({ group }) => ({ method: "POST", path: `/v1/dialogs/${group}/typing` }),
  },
  pictureRow("GET /v1/files/{id}", ""),
  pictureRow("GET /v1/files/{id}/thumbnail", "/thumbnail?size=128"),
];
