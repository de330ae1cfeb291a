import type { ErrorCode, queue } from "@dunlin/proto";
import { areContacts, isClosed, withContacts } from "../relation.js";
import type { Draft } from "./draft.js";
import { newConversation } from "./messages.js";
import { pairProblem } from "./pair-problem.js";
import type { Rule, RuleContext } from "./rule.js";

export const CONTACTS_MAX = 5_000;
/** Requests of one's own that may wait for their answer. */
export const OUTGOING_MAX = 100;
/** Requests of others that may wait for one's answer. */
export const INCOMING_MAX = 1_000;

interface Pair {
  readonly conversationId: string;
  readonly userId: string;
  readonly peer: string;
}

/** Tells a user's devices how it stands with `peer` now. */
const tellState = (draft: Draft, { conversationId }: Pair, userId: string, peer: string): void => {
  const row = draft.people.contact(userId, peer);
  const rest = row === undefined ? {} : { remark: row.remark, message: row.message };
  draft.tell([userId], "CONTACT", conversationId, { user_id: peer, state: row?.state ?? "none", ...rest, at: draft.now });
};

const tellBoth = (draft: Draft, pair: Pair): void => {
  tellState(draft, pair, pair.userId, pair.peer);
  tellState(draft, pair, pair.peer, pair.userId);
};

const setContacts = (draft: Draft, { conversationId, userId, peer }: Pair, contacts: boolean): void => {
  const conversation = draft.conversation(conversationId) ?? newConversation(draft, conversationId, "user");
  conversation.relation = withContacts(draft.relation(userId, peer), contacts);
  draft.putConversation(conversation);
};

/** Whatever was between the two, contact or request, is over. Who ends the other's request has refused it. */
const end = (draft: Draft, pair: Pair): void => {
  const { userId, peer } = pair;
  if (draft.people.contact(userId, peer)?.state === "incoming") {
    draft.people.putRefusal({ userId: peer, peer: userId, refusedAt: draft.now });
  }
  if (areContacts(draft.relation(userId, peer))) setContacts(draft, pair, false);
  draft.people.removeContact(userId, peer);
  draft.people.removeContact(peer, userId);
  tellBoth(draft, pair);
};

/** A request between the two that waits is over, as if it had been refused. Needs the contact of the two. */
export const endRequest = (draft: Draft, pair: Pair): void => {
  const own = draft.people.contact(pair.userId, pair.peer);
  if (own !== undefined && own.state !== "contact") end(draft, pair);
};

const become = async (draft: Draft, pair: Pair, { tx }: RuleContext): Promise<ErrorCode> => {
  const { userId, peer } = pair;
  for (const one of [userId, peer]) if ((await draft.people.counts(tx, one)).contact >= CONTACTS_MAX) return "LIST_FULL";
  setContacts(draft, pair, true);
  draft.people.removeRefusal(userId, peer);
  draft.people.removeRefusal(peer, userId);
  const contact = { state: "contact", remark: "", message: "", since: draft.now } as const;
  draft.people.putContact({ ...contact, userId, peer });
  draft.people.putContact({ ...contact, userId: peer, peer: userId });
  tellBoth(draft, pair);
  return "OK";
};

/** Asks to be a contact. Two requests that cross make a contact; the same one again changes nothing. */
const applyRequest = async (draft: Draft, request: queue.RequestContact, context: RuleContext): Promise<ErrorCode> => {
  const { userId, peer, message } = request;
  if (!draft.userExists(userId)) return "NOT_FOUND";
  if (!draft.userExists(peer)) return "PEER_NOT_FOUND";
  if (isClosed(draft.relation(userId, peer))) return "PEER_REFUSES";
  const own = draft.people.contact(userId, peer);
  if (own?.state === "incoming") return become(draft, request, context);
  if (own) return "OK";
  const refusedAt = draft.people.refusedAt(userId, peer);
  if (refusedAt > 0 && draft.now - refusedAt < context.limits.contactPauseMs) return "CONTACT_PAUSED";
  const counts = await draft.people.counts(context.tx, userId);
  if (counts.outgoing >= OUTGOING_MAX || counts.contact >= CONTACTS_MAX) return "LIST_FULL";
  if ((await draft.people.counts(context.tx, peer)).incoming >= INCOMING_MAX) return "LIST_FULL";
  const waiting = { remark: "", message, since: draft.now };
  draft.people.putContact({ ...waiting, userId, peer, state: "outgoing" });
  draft.people.putContact({ ...waiting, userId: peer, peer: userId, state: "incoming" });
  tellBoth(draft, request);
  return "OK";
};

/** Accepts or refuses a request. Who repeats an answer has it already. */
const applyAnswer = (draft: Draft, answer: queue.AnswerContact, context: RuleContext): ErrorCode | Promise<ErrorCode> => {
  const own = draft.people.contact(answer.userId, answer.peer);
  if (own?.state === "incoming") {
    if (answer.accept) return become(draft, answer, context);
    end(draft, answer);
    return "OK";
  }
  return (answer.accept ? own?.state === "contact" : own === undefined) ? "OK" : "NOT_FOUND";
};

/** Ends a contact, takes one's own request back or refuses the other's. */
const applyRemove = (draft: Draft, remove: queue.RemoveContact): ErrorCode => {
  if (draft.people.contact(remove.userId, remove.peer)) end(draft, remove);
  return "OK";
};

const applyRemark = (draft: Draft, { userId, peer, remark, conversationId }: queue.SetRemark): ErrorCode => {
  const own = draft.people.contact(userId, peer);
  if (own?.state !== "contact") return "NOT_FOUND";
  if (own.remark === remark) return "OK";
  draft.people.putContact({ ...own, remark });
  tellState(draft, { conversationId, userId, peer }, userId, peer);
  return "OK";
};

const pairRule = <V extends Pair>(apply: Rule<V>["apply"]): Rule<V> => ({
  conversation: (pair) => pair.conversationId,
  problem: pairProblem,
  needs: (pair, needs) => needs.people.contact(pair.userId, pair.peer),
  apply,
});

export const requestContactRule: Rule<queue.RequestContact> = {
  ...pairRule<queue.RequestContact>(applyRequest),
  needs: ({ userId, peer }, needs) => {
    needs.people.contact(userId, peer);
    needs.people.refusal(userId, peer);
  },
};
export const answerContactRule = pairRule<queue.AnswerContact>(applyAnswer);
export const removeContactRule = pairRule<queue.RemoveContact>(applyRemove);
export const setRemarkRule = pairRule<queue.SetRemark>(applyRemark);
