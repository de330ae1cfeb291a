import type { IngestChanges, IngestTransaction } from "@dunlin/engines/store";
import type { Clock } from "@dunlin/runtime";
import { isGroupId, isSupergroupId, pairOf } from "../ids.js";
import type { ValidCommand } from "./decode.js";
import { Draft, type Effects } from "./draft.js";
import { loadNamed, viewsOf } from "./named-messages.js";
import { loadPeople } from "./people.js";
import { type IngestRules, Needs } from "./rule.js";
import { ruleOf } from "./rules.js";

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
  limits: IngestRules,
  clock: Pick<Clock, "now">,
): Promise<{ changes: Omit<IngestChanges, "offsets">; effects: Effects }> => {
  const conversationIds = new Set<string>();
  const needs = new Needs();
  for (const { body } of commands) {
    const rule = ruleOf(body);
    conversationIds.add(rule.conversation(body.value));
    rule.needs?.(body.value, needs);
  }
  for (const id of conversationIds) for (const userId of pairOf(id) ?? []) if (userId.startsWith("U")) needs.user(userId);
  const groups = [...conversationIds].filter(isGroupId);
  // Whom else it concerns is known after the first reads only.
  const late = groups.length > 0 || needs.people.audiences.size > 0 || needs.leaders.size > 0;
  // Issued together, carried out in this order: a round trip for each would be most of a small batch's time.
  const places = [...needs.places.values()];
  const governed = [...conversationIds].filter((id) => isGroupId(id) || isSupergroupId(id));
  const former = [...needs.named.audiences].filter(isGroupId);
  const [sent, conversations, members, chosen, leaders, settings, restrictions, joinRequests, asked, people, named, formers, early] =
    await Promise.all([
      tx.sent(needs.sends),
      tx.lockConversations([...conversationIds].sort()),
      groups.length > 0 ? tx.members(groups) : [],
      needs.members.size > 0 ? tx.membersAt([...needs.members.values()]) : [],
      needs.leaders.size > 0 ? tx.leaders([...needs.leaders]) : [],
      governed.length > 0 ? tx.groupSettings(governed) : [],
      places.length > 0 ? tx.restrictions(places) : [],
      places.length > 0 ? tx.joinRequests(places) : [],
      needs.dialogs.size > 0 ? tx.dialogs([...needs.dialogs.values()]) : [],
      loadPeople(tx, needs.people),
      loadNamed(tx, needs.named),
      former.length > 0 ? tx.formerMembers(former) : [],
      late ? undefined : tx.lockMailboxes([...needs.users].sort()),
    ]);
  for (const member of [...members, ...leaders, ...formers]) needs.user(member.userId);
  for (const contact of people.audiences) needs.user(contact.peer);
  const views = viewsOf(needs.named, named.messages, members, formers);
  const [mailboxes, viewed, hidden, scheduled] = await Promise.all([
    early ?? tx.lockMailboxes([...needs.users].sort()),
    views.length > 0 ? tx.dialogs(views) : [],
    views.length > 0 ? tx.hidden(views) : [],
    needs.scheduled.length > 0 ? tx.scheduled(needs.scheduled) : [],
  ]);

  // Behind the mailboxes' locks: a user's pins lie in dialogs of many conversations.
  const pinRows = needs.pins.size > 0 ? await tx.pinnedDialogs([...needs.pins].sort()) : [];

  const draft = new Draft({
    now: clock.now(),
    conversations,
    members: [...members, ...chosen, ...leaders],
    formers,
    mailboxes,
    dialogs: [...asked, ...viewed],
    sent,
    groups: { settings, restrictions, joinRequests },
    people,
    annotations: { ...named, hidden },
    scheduled,
    pins: { users: needs.pins, rows: pinRows },
  });
  const context = { tx, limits };
  for (const [index, command] of commands.entries()) {
    const { value } = command.body;
    const rule = ruleOf(command.body);
    // A group that was upgraded is closed; only a repeated upgrade, and a send that its sender must hear of, see for themselves.
    const closed = !rule.seesClosed && draft.conversation(rule.conversation(value))?.successorId !== undefined;
    const applied = closed ? "GROUP_UPGRADED" : rule.apply(draft, value, context);
    const code = typeof applied === "string" ? applied : await applied;
    const reason = rule.dead?.[code];
    if (reason !== undefined) draft.effects.dead.push({ index, reason });
    if (command.replySlot !== undefined) {
      draft.effects.outcomes.push({ commandId: command.commandId, replySlot: command.replySlot, code });
    }
  }
  draft.receipts.tell(draft);
  draft.effects.visibility.push(...draft.people.seenAnew());
  return { changes: draft.changes(), effects: draft.effects };
};
