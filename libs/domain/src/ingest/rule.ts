import type { IngestTransaction, MemberKey, ScheduledKey, SendKey, UserPlace } from "@dunlin/engines/store";
import type { ErrorCode, queue } from "@dunlin/proto";
import type { Draft } from "./draft.js";
import { NamedNeeds } from "./named-messages.js";
import { PeopleNeeds } from "./people.js";

export type CommandBody = NonNullable<queue.Command["body"]>;
export type CommandCase = CommandBody["$case"];
/** The record that a case of a command carries. */
export type ValueOf<C extends CommandCase> = Extract<CommandBody, { $case: C }>["value"];

export interface IngestRules {
  readonly groupMembersMax: number;
  readonly supergroupMembersMax: number;
  /** How long who was refused as a contact may not ask the same user again, ms. */
  readonly contactPauseMs: number;
  /** After a refused request to join one may not ask again for so long, ms. */
  readonly joinRequestPauseMs: number;
}

/** What a rule may use beside the draft. */
export interface RuleContext {
  /** For the rare read that depends on what other commands of the batch have changed. */
  readonly tx: IngestTransaction;
  readonly limits: IngestRules;
}

/** What a batch has to read and lock before its rules run. Conversations, their members and a pair's users come by themselves. */
export class Needs {
  readonly sends: SendKey[] = [];
  readonly users = new Set<string>();
  readonly places = new Map<string, UserPlace>();
  readonly dialogs = new Map<string, { userId: string; peer: string }>();
  readonly people = new PeopleNeeds();
  /** Messages that commands change. */
  readonly named = new NamedNeeds();
  readonly members = new Map<string, MemberKey>();
  readonly scheduled: ScheduledKey[] = [];
  /** Supergroups whose owner and admins are told something, or counted. */
  readonly leaders = new Set<string>();
  readonly pins = new Set<string>();

  send(senderId: string, clientMsgId: string): void {
    this.sends.push({ senderId, clientMsgId });
  }

  user(...userIds: readonly string[]): void {
    for (const userId of userIds) this.users.add(userId);
  }

  /** What a group holds against a user, and the user's request to be let in. */
  place(conversationId: string, userId: string): void {
    this.places.set(`${conversationId} ${userId}`, { conversationId, userId });
  }

  /** One member of a supergroup: they are never loaded all at once. */
  member(conversationId: string, userId: string): void {
    this.members.set(`${conversationId} ${userId}`, { conversationId, userId });
  }

  /** The user has to be among the needs too: the lock of the mailbox guards it. */
  scheduledMessage(userId: string, id: string): void {
    this.scheduled.push({ userId, id });
  }

  dialog(userId: string, peer: string): void {
    this.dialogs.set(`${userId} ${peer}`, { userId, peer });
  }

  /** Which dialogs a user has pinned. */
  pinsOf(userId: string): void {
    this.pins.add(userId);
  }
}

/** All that ingest knows of one kind of command. */
export interface Rule<V> {
  /** The conversation it changes: the key it stands under in the queue. */
  readonly conversation: (value: V) => string;
  /** Why a record can never be applied, undefined when it is well formed: ids of the right kind and consistent. */
  readonly problem: (value: V) => string | undefined;
  readonly needs?: (value: V, needs: Needs) => void;
  /** What it changes. A refusal is a code, not an error; what throws is the store. */
  readonly apply: (draft: Draft, value: V, context: RuleContext) => ErrorCode | Promise<ErrorCode>;
  /** It is applied to a group that was upgraded too, instead of being refused with GROUP_UPGRADED. */
  readonly seesClosed?: boolean;
  /** Refusals that make the command a dead letter as well, and the reason to note. */
  readonly dead?: Partial<Record<ErrorCode, string>>;
}
