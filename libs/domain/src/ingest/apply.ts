import type { IngestChanges, IngestTransaction, SendKey } from "@dunlin/engines/store";
import type { Clock } from "@dunlin/runtime";
import { isGroupId, pairOf } from "../ids.js";
import { conversationOf, type ValidCommand } from "./decode.js";
import { Draft, type Effects } from "./draft.js";
import { applyAddMembers, applyCreateGroup, applyRemoveMember } from "./groups.js";
import { applyNotify, applySend, notifyKey, SYSTEM_SENDER } from "./messages.js";
import { applyRead } from "./reads.js";

export interface IngestRules {
  readonly groupMembersMax: number;
}

/**
 * Works out what a batch of commands changes, in the order given: every message's seq, every affected user's next pts,
 * dialogs and membership. Locks what it touches through `tx`, in the store's one order; writes nothing.
 *
 * A command that the rules refuse has an outcome (and a REJECT update, for a send) instead of an effect; it is not an
 * error. What throws here is the store.
 */
export const applyCommands = async (
  tx: IngestTransaction,
  commands: readonly ValidCommand[],
  rules: IngestRules,
  clock: Pick<Clock, "now">,
): Promise<{ changes: Omit<IngestChanges, "offsets">; effects: Effects }> => {
  const sends: SendKey[] = [];
  const conversationIds = new Set<string>();
  const users = new Set<string>();
  const dialogKeys = new Map<string, { userId: string; peer: string }>();
  for (const { body } of commands) {
    conversationIds.add(conversationOf(body));
    switch (body.$case) {
      case "send":
        sends.push({ senderId: body.value.senderId, clientMsgId: body.value.clientMsgId });
        users.add(body.value.senderId);
        break;
      case "notify":
        sends.push({ senderId: SYSTEM_SENDER, clientMsgId: notifyKey(body.value) });
        users.add(body.value.userId);
        break;
      case "read":
        users.add(body.value.userId);
        dialogKeys.set(`${body.value.userId} ${body.value.peer}`, { userId: body.value.userId, peer: body.value.peer });
        break;
      case "createGroup":
        users.add(body.value.ownerId);
        for (const userId of body.value.members) users.add(userId);
        break;
      case "addMembers":
        for (const userId of body.value.members) users.add(userId);
        break;
      case "removeMember":
        users.add(body.value.userId);
        break;
    }
  }
  for (const id of conversationIds) for (const userId of pairOf(id) ?? []) if (userId.startsWith("U")) users.add(userId);
  const groups = [...conversationIds].filter(isGroupId);
  // Issued together, carried out in this order: a round trip for each would be most of a small batch's time.
  const [sent, conversations, members, dialogs, early] = await Promise.all([
    tx.sent(sends),
    tx.lockConversations([...conversationIds].sort()),
    groups.length > 0 ? tx.members(groups) : [],
    dialogKeys.size > 0 ? tx.dialogs([...dialogKeys.values()]) : [],
    groups.length > 0 ? undefined : tx.lockMailboxes([...users].sort()),
  ]);
  for (const member of members) users.add(member.userId);
  const mailboxes = early ?? (await tx.lockMailboxes([...users].sort()));

  const draft = new Draft({ now: clock.now(), conversations, members, mailboxes, dialogs, sent });
  for (const [index, command] of commands.entries()) {
    const { body } = command;
    const code =
      body.$case === "send"
        ? applySend(draft, body.value)
        : body.$case === "read"
          ? await applyRead(draft, body.value, tx)
          : body.$case === "notify"
            ? applyNotify(draft, body.value)
            : body.$case === "createGroup"
              ? applyCreateGroup(draft, body.value, rules.groupMembersMax)
              : body.$case === "addMembers"
                ? applyAddMembers(draft, body.value, rules.groupMembersMax)
                : applyRemoveMember(draft, body.value);
    if ((body.$case === "send" || body.$case === "notify") && (code === "NOT_FOUND" || code === "PEER_NOT_FOUND")) {
      draft.effects.dead.push({ index, reason: code === "NOT_FOUND" ? "unknown sender" : "unknown conversation" });
    }
    if (command.replySlot !== undefined) {
      draft.effects.outcomes.push({ commandId: command.commandId, replySlot: command.replySlot, code });
    }
  }
  return { changes: draft.changes(), effects: draft.effects };
};
