import type { PrivacyRow } from "@dunlin/engines/store";

/** What two users are to each other, as the row of their conversation keeps it (`ConversationRow.relation`). */
const CONTACTS = 1;
const FIRST_BLOCKS = 2;
const SECOND_BLOCKS = 4;

/** The first of the two is the one whose id sorts first, as in the id of their conversation. */
const blockBit = (owner: string, other: string): number => (owner < other ? FIRST_BLOCKS : SECOND_BLOCKS);

const withBit = (relation: number, bit: number, set: boolean): number => (set ? relation | bit : relation & ~bit);

export const areContacts = (relation: number): boolean => (relation & CONTACTS) !== 0;
/** Whether `owner` has blocked `other`. */
export const hasBlocked = (relation: number, owner: string, other: string): boolean => (relation & blockBit(owner, other)) !== 0;
/** Whether either has blocked the other: it cuts both ways, so that what is refused does not tell who did it. */
export const isClosed = (relation: number): boolean => (relation & (FIRST_BLOCKS | SECOND_BLOCKS)) !== 0;

export const withContacts = (relation: number, contacts: boolean): number => withBit(relation, CONTACTS, contacts);
export const withBlock = (relation: number, owner: string, other: string, blocked: boolean): number =>
  withBit(relation, blockBit(owner, other), blocked);

/** What holds for a user who has set nothing. */
export const defaultPrivacy = (userId: string): PrivacyRow => ({
  userId,
  messages: "everyone",
  groups: "everyone",
  lastSeen: "everyone",
  findByAccount: true,
});

/** Whether the owner of `privacy` takes no messages, or no invitations, of one to whom the owner is `relation`. */
export const refuses = (what: "messages" | "groups", relation: number, privacy: PrivacyRow): boolean =>
  isClosed(relation) || (privacy[what] === "contacts" && !areContacts(relation));

/** Whether the owner of `privacy` shows one to whom the owner is `relation` whether they are active, and when last. */
export const showsPresence = (relation: number, { lastSeen }: PrivacyRow): boolean =>
  !isClosed(relation) && (lastSeen === "everyone" || (lastSeen === "contacts" && areContacts(relation)));
