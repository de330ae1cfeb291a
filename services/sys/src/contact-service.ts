import type { Blocks, Contacts } from "@dunlin/domain";
import type { sys } from "@dunlin/proto";
import type { SysContext } from "./context.js";
import { field } from "./fields.js";
import type { Handlers } from "./unary.js";

const PAGE_MAX = 500;

const pairOf = (request: { userId: string; peerId: string }): [string, string] => [
  field.userId("user_id", request.userId),
  field.other("peer_id", field.userId("peer_id", request.peerId), request.userId),
];

/** What users are to each other; changed as if they had done it. */
export const contactService = (
  { store }: Pick<SysContext, "store">,
  contacts: Contacts,
  blocks: Blocks,
  requireUser: (userId: string) => Promise<void>,
): Handlers<typeof sys.ContactServiceService> => ({
  listContacts: async (request) => {
    const userId = field.userId("user_id", request.userId);
    const state = field.oneOf("state", request.state, ["contact", "incoming", "outgoing"]);
    const after = field.after("after_user_id", request.afterUserId);
    const limit = field.integer("limit", request.limit, 1, PAGE_MAX);
    await requireUser(userId);
    // One more than asked for tells whether there are more.
    const rows = await store.contacts.list(userId, state, after, limit + 1);
    const shown = rows.slice(0, limit).map(({ peer, remark, message, since }) => ({ userId: peer, remark, message, since }));
    return { contacts: shown, hasMore: rows.length > limit };
  },
  addContact: async (request, caller) => {
    const [userId, peer] = pairOf(request);
    await requireUser(userId);
    const { outcome } = await contacts.connect(userId, peer, caller.requestId);
    return { applied: outcome === "applied" };
  },
  removeContact: async (request, caller) => {
    const [userId, peer] = pairOf(request);
    await requireUser(userId);
    const { outcome } = await contacts.remove(userId, peer, caller.requestId);
    return { applied: outcome === "applied" };
  },
  listBlocks: async (request) => {
    const userId = field.userId("user_id", request.userId);
    const after = field.after("after_user_id", request.afterUserId);
    const limit = field.integer("limit", request.limit, 1, PAGE_MAX);
    await requireUser(userId);
    const rows = await store.contacts.blocks(userId, after, limit + 1);
    return { blocks: rows.slice(0, limit).map(({ peer, since }) => ({ userId: peer, since })), hasMore: rows.length > limit };
  },
  setBlock: async (request, caller) => {
    const [userId, peer] = pairOf(request);
    await requireUser(userId);
    return { applied: (await blocks.set(userId, peer, request.blocked, caller.requestId)) === "applied" };
  },
});
