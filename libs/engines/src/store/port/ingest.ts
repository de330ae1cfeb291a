import type { AnnotationChanges, AnnotationReads } from "./annotations.js";
import type { BlockRow, ContactCounts, ContactRefusal, ContactRow } from "./contacts.js";
import type { ConversationKind, ConversationRow, MemberRow } from "./conversations.js";
import type { DialogRow } from "./dialogs.js";
import type { DndRow } from "./dnd.js";
import type { AvatarRef, FileRef, FreedFile } from "./files.js";
import type { GroupSettings, JoinRequest, Restriction, UserPlace } from "./groups.js";
import type { MessageRow, SendKey, SentMessage } from "./messages.js";
import type { PrivacyRow } from "./privacy.js";
import type { ScheduledKey, ScheduledRow } from "./scheduled.js";
import type { MemberKey, SupergroupChanges, SupergroupReads, SupergroupUpdateRow } from "./supergroups.js";
import type { UpdateRow } from "./updates.js";
import type { UserRow } from "./users.js";

/** What ingest needs, called in this order so that locks are always taken in one order. */
export interface IngestTransaction extends AnnotationReads, SupergroupReads {
  /** The stored next offset of each partition, locked; a partition never seen is missing. */
  lockOffsets(topic: string, partitions: readonly number[]): Promise<Map<number, number>>;
  sent(keys: readonly SendKey[]): Promise<SentMessage[]>;
  /** Locked in sorted order; missing conversations are missing from the map. */
  lockConversations(ids: readonly string[]): Promise<Map<string, ConversationRow>>;
  members(conversationIds: readonly string[]): Promise<MemberRow[]>;
  /** Groups without a row of their own are missing. */
  groupSettings(conversationIds: readonly string[]): Promise<GroupSettings[]>;
  restrictions(places: readonly UserPlace[]): Promise<Restriction[]>;
  /** Refused ones too. */
  joinRequests(places: readonly UserPlace[]): Promise<JoinRequest[]>;
  /** How many requests wait at `now`, ms. */
  countJoinRequests(conversationId: string, now: number): Promise<number>;
  /** Those of these memberships that exist: a supergroup's members are never read all at once. */
  membersAt(keys: readonly MemberKey[]): Promise<MemberRow[]>;
  /** The owners and admins of these conversations, without a look at the other members. */
  leaders(conversationIds: readonly string[]): Promise<MemberRow[]>;
  /** The newest pts of each user that exists, locked in sorted order. */
  lockMailboxes(userIds: readonly string[]): Promise<Map<string, number>>;
  dialogs(keys: readonly { userId: string; peer: string }[]): Promise<DialogRow[]>;
  contacts(keys: readonly { userId: string; peer: string }[]): Promise<ContactRow[]>;
  contactRefusals(keys: readonly { userId: string; peer: string }[]): Promise<ContactRefusal[]>;
  /** The contacts of these users (requests are none). */
  contactsOf(userIds: readonly string[]): Promise<ContactRow[]>;
  /** Of 1:1 conversations that are not locked; those who are nothing to each other may be missing. */
  relations(conversationIds: readonly string[]): Promise<Map<string, number>>;
  privacy(userIds: readonly string[]): Promise<PrivacyRow[]>;
  users(userIds: readonly string[]): Promise<UserRow[]>;
  /** Those of these there are: exact once their users' mailboxes are locked. */
  scheduled(keys: readonly ScheduledKey[]): Promise<ScheduledRow[]>;
  /** How many open ones a user has: exact once the user's mailbox is locked. */
  openScheduled(userId: string): Promise<number>;
  /** The user's rows as they stand: exact once the user's mailbox is locked. */
  contactCounts(userId: string): Promise<ContactCounts>;
  /** The pinned dialogs of these users. To be asked for when their mailboxes are locked: pins have many writers. */
  pinnedDialogs(userIds: readonly string[]): Promise<{ userId: string; peer: string; pinned: number }[]>;
  /**
   * Stored messages of others than `userId` in (afterSeq, upToSeq], and how many of them mention the user or "@all".
   * What was recalled, or deleted by the user, does not count.
   */
  countUnread(conversationId: string, userId: string, afterSeq: number, upToSeq: number): Promise<{ unread: number; mentions: number }>;
  /**
   * Those who have left these groups and keep something of them: of each group the FORMER_MEMBERS_MAX who left last. Exact once
   * the groups are locked, but for what somebody of them deletes meanwhile.
   */
  formerMembers(groupIds: readonly string[]): Promise<FormerMember[]>;
  /** Hands over what is to be written: carried out together with the commit, once `work` has resolved. Reads do not see it. */
  write(changes: IngestChanges): void;
}

/** Restrictions and join requests of a conversation are another one's from now on, which has none yet. */
export interface ConversationMove {
  readonly from: string;
  readonly to: string;
}

/** Former members of a group who learn of changes of what they can still see; those who left before them do when they ask. */
export const FORMER_MEMBERS_MAX = 200;

/** Somebody who has left a group, and still sees messages with clearedSeq < seq ≤ leftSeq. */
export interface FormerMember {
  readonly conversationId: string;
  readonly userId: string;
  readonly clearedSeq: number;
  readonly leftSeq: number;
}

/** One change of one dialog row (created when missing, with readSeq 0). */
export interface DialogChange {
  readonly userId: string;
  readonly peer: string;
  readonly conversationId: string;
  readonly kind: ConversationKind;
  readonly topSeq: number;
  /** Added to what is stored, unless `read` is given. */
  readonly addUnread: number;
  readonly addMentions: number;
  /** Replaces read position and counts. */
  readonly read?: { readonly readSeq: number; readonly unread: number; readonly unreadMentions: number };
  /** Supergroups, see DialogRow: added to what is stored, replaces it when `read` is given. */
  readonly readCount?: number;
  /** ms of the newest activity; a dialog's updatedAt never goes back. */
  readonly updatedAt: number;
}

/** What a user may set on a dialog, and what leaving and deleting leave behind; see DialogRow. */
export type DialogView = Pick<
  DialogRow,
  "pinned" | "mutedUntil" | "draft" | "archived" | "markedUnread" | "clearedSeq" | "hidden" | "leftSeq" | "leftTitle" | "leftAvatar"
>;

/** A change of one dialog's view: what is not named stays as it is, and `clearedSeq` never goes back. */
export interface DialogViewChange {
  readonly userId: string;
  readonly peer: string;
  readonly conversationId: string;
  readonly kind: ConversationKind;
  readonly view: Partial<DialogView>;
}

export interface OffsetChange {
  readonly topic: string;
  readonly partition: number;
  readonly nextOffset: number;
  /** Where this batch began: after a restart its deliveries are produced again. */
  readonly batchBegin: number;
}

export interface IngestChanges {
  readonly messages: readonly MessageRow[];
  readonly updates: readonly UpdateRow[];
  /** Every conversation whose row changes or begins, with its new values. */
  readonly conversations: readonly ConversationRow[];
  /** New members, and members whose role changes. Removals are written first: who is in both lists has joined anew. */
  readonly membersAdded: readonly MemberRow[];
  readonly membersRemoved: readonly UserPlace[];
  readonly groupSettings: readonly GroupSettings[];
  /** Removals are written first, here and with the requests. */
  readonly restrictions: readonly Restriction[];
  readonly restrictionsRemoved: readonly UserPlace[];
  readonly joinRequests: readonly JoinRequest[];
  readonly joinRequestsRemoved: readonly UserPlace[];
  /** userId → new pts; only users that exist. */
  readonly mailboxes: ReadonlyMap<string, number>;
  /** At most one change a dialog. */
  readonly dialogs: readonly DialogChange[];
  readonly contacts: readonly ContactRow[];
  readonly contactsRemoved: readonly { readonly userId: string; readonly peer: string }[];
  /** Removals are written first. */
  readonly contactRefusals: readonly ContactRefusal[];
  readonly contactRefusalsRemoved: readonly { readonly userId: string; readonly peer: string }[];
  readonly blocks: readonly BlockRow[];
  readonly blocksRemoved: readonly { readonly userId: string; readonly peer: string }[];
  readonly privacy: readonly PrivacyRow[];
  /** Users that exist, with a new nickname, avatar or bio; nothing else of them is written. */
  readonly profiles: readonly UserRow[];
  readonly annotations?: AnnotationChanges;
  /** Which messages carry which files; one that is there already is no error. */
  readonly fileRefs: readonly FileRef[];
  readonly fileRefsRemoved: readonly Pick<FileRef, "fileId" | "messageId">[];
  /** Removals are written first. */
  readonly avatars: readonly AvatarRef[];
  readonly avatarsRemoved: readonly AvatarRef[];
  readonly filesFreed: readonly FreedFile[];
  /** Dialogs that go. */
  readonly dialogsRemoved: readonly { readonly userId: string; readonly peer: string }[];
  readonly supergroupUpdates: readonly SupergroupUpdateRow[];
  readonly supergroups?: SupergroupChanges;
  /** Carried out after all else. */
  readonly moves: readonly ConversationMove[];
  /** At most one a user. */
  readonly dnd: readonly DndRow[];
  /** New ones, and those that have changed. */
  readonly scheduled: readonly ScheduledRow[];
  /** Written after `dialogs`; at most one a dialog. */
  readonly dialogViews: readonly DialogViewChange[];
  readonly offsets: readonly OffsetChange[];
}

/** Changes that change nothing: what only moves offsets begins with it. */
export const noChanges: IngestChanges = {
  messages: [],
  updates: [],
  conversations: [],
  membersAdded: [],
  membersRemoved: [],
  groupSettings: [],
  restrictions: [],
  restrictionsRemoved: [],
  joinRequests: [],
  joinRequestsRemoved: [],
  mailboxes: new Map(),
  dialogs: [],
  contacts: [],
  contactsRemoved: [],
  contactRefusals: [],
  contactRefusalsRemoved: [],
  blocks: [],
  blocksRemoved: [],
  privacy: [],
  profiles: [],
  fileRefs: [],
  fileRefsRemoved: [],
  avatars: [],
  avatarsRemoved: [],
  filesFreed: [],
  dialogsRemoved: [],
  supergroupUpdates: [],
  moves: [],
  dnd: [],
  scheduled: [],
  dialogViews: [],
  offsets: [],
};

export interface Ingest {
  /** Runs `work` in one transaction; resolves when committed. Retried whole on deadlock and lock timeout. */
  transaction<T>(work: (tx: IngestTransaction) => T | Promise<T>): Promise<T>;
  offsets(topic: string, partitions: readonly number[]): Promise<Map<number, { nextOffset: number; batchBegin: number }>>;
}
