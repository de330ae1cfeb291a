import type { Store } from "@dunlin/engines/store";
import { type Breaker, guarded } from "./breaker.js";

/** The part of the store that requests of clients use. */
export type RequestStore = Pick<
  Store,
  | "users"
  | "emailCodes"
  | "sessions"
  | "conversations"
  | "messages"
  | "annotations"
  | "updates"
  | "dialogs"
  | "groups"
  | "contacts"
  | "privacy"
  | "presence"
  | "files"
  | "supergroups"
  | "search"
  | "dnd"
  | "scheduled"
>;

/** The store with every call of that part under one breaker; search has its own, for what is slow there says nothing of the rest. */
export const guardedStore = (store: Store, breaker: Breaker, searchBreaker: Breaker): RequestStore => ({
  users: guarded(store.users, breaker),
  emailCodes: guarded(store.emailCodes, breaker),
  sessions: guarded(store.sessions, breaker),
  conversations: guarded(store.conversations, breaker),
  messages: guarded(store.messages, breaker),
  annotations: guarded(store.annotations, breaker),
  updates: guarded(store.updates, breaker),
  dialogs: guarded(store.dialogs, breaker),
  groups: guarded(store.groups, breaker),
  contacts: guarded(store.contacts, breaker),
  privacy: guarded(store.privacy, breaker),
  dnd: guarded(store.dnd, breaker),
  scheduled: guarded(store.scheduled, breaker),
  presence: guarded(store.presence, breaker),
  files: guarded(store.files, breaker),
  supergroups: guarded(store.supergroups, breaker),
  search: guarded(store.search, searchBreaker),
});
