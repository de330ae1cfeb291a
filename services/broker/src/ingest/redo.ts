import { affectedBy, CONTACTS_MAX, type Delivery, isSupergroupId, supergroupsOf, toldOf } from "@dunlin/domain";
import type { MessageRow, Store } from "@dunlin/engines/store";
import type { Item } from "./slice.js";

/** Those of the users named by messages of supergroups who are members of them. */
const toldMembers = async (
  store: Store,
  messages: readonly MessageRow[],
  toldBy: ReadonlyMap<string, string[]>,
): Promise<Map<string, string[]>> => {
  const keys = messages.flatMap(({ id, conversationId }) => (toldBy.get(id) ?? []).map((userId) => ({ conversationId, userId })));
  if (keys.length === 0) return new Map();
  const members = new Set((await store.supergroups.membersAt(keys)).map((m) => `${m.conversationId} ${m.userId}`));
  const isMember = (conversationId: string) => (userId: string) => members.has(`${conversationId} ${userId}`);
  return new Map(messages.map(({ id, conversationId }) => [id, (toldBy.get(id) ?? []).filter(isMember(conversationId))]));
};

/**
 * What to deliver for records that an earlier run stored but may not have delivered: each affected user's brokers are
 * told how far the user's log reaches (an entry without a frame), and fetch from the mailbox what a connection lacks;
 * messages go to the pushes again. At least once; pts removes the doubles.
 */
export const redoDeliveries = async (store: Store, items: readonly Item[]): Promise<Delivery[]> => {
  const ids: string[] = [];
  const pushOf = new Map<string, string | undefined>();
  /** Messages of supergroups → who was told of them by name. */
  const toldBy = new Map<string, string[]>();
  const groups = new Set<string>();
  const users = new Set<string>();
  const supergroups = new Set<string>();
  for (const { command } of items) {
    if (typeof command === "string") continue;
    const { $case, value } = command.body;
    for (const id of supergroupsOf(command.body)) supergroups.add(id);
    if ($case === "send" || $case === "notify") {
      ids.push(value.id);
      if ($case === "send") {
        pushOf.set(value.id, value.push);
        if (isSupergroupId(value.to)) toldBy.set(value.id, toldOf(value));
      }
    } else {
      const affected = affectedBy(command.body);
      for (const userId of affected.users) users.add(userId);
      if (affected.group !== undefined) groups.add(affected.group);
      for (const userId of affected.contactsOf) {
        for (const { peer } of await store.contacts.list(userId, "contact", "", CONTACTS_MAX)) users.add(peer);
      }
    }
  }
  const messages = ids.length > 0 ? await store.messages.get(ids) : [];
  for (const message of messages) if (message.type === "C2G") groups.add(message.conversationId);
  const membersOf = new Map<string, string[]>();
  for (const group of groups) {
    const members = (await store.conversations.members(group)).map((member) => member.userId);
    membersOf.set(group, members);
    for (const userId of members) users.add(userId);
  }
  const told = await toldMembers(store, messages, toldBy);
  const receiversOf = (message: MessageRow): string[] => {
    if (message.type === "C2G") return membersOf.get(message.conversationId) ?? [];
    return [message.from, message.to, ...(told.get(message.id) ?? [])].filter((id) => id.startsWith("U"));
  };
  for (const message of messages) for (const userId of receiversOf(message)) users.add(userId);
  const heads = supergroups.size > 0 ? await store.supergroups.heads([...supergroups]) : new Map<string, number>();
  const reached = [...heads].map(([id, seq]) => ({ type: "", rest: "", targets: [], supergroup: { id, seq, frame: "" } }));
  if (users.size === 0) return reached;

  const newest = await store.ingest.transaction((tx) => tx.lockMailboxes([...users].sort()));
  const targetOf = (userId: string) => ({ userId, pts: newest.get(userId) ?? 0 });
  return [
    ...reached,
    ...messages.map((message) => ({
      type: "",
      rest: "",
      targets: receiversOf(message).map(targetOf),
      message,
      push: pushOf.get(message.id),
    })),
    { type: "", rest: "", targets: [...users].map(targetOf) },
  ];
};
