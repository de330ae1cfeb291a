import type { Message } from "@dunlin/client";
import type { DeviceState } from "./device-state.js";
import type { DialogState } from "./dialog-state.js";

/** A device's knowledge as plain data, in one order: what two devices of a user must agree on. */
export type View = Readonly<Record<string, unknown>>;

export const recount = (state: DeviceState, dialog: DialogState): { unread: number; mentions: number } => {
  const unread = dialog
    .visible()
    .filter((message) => message.seq > dialog.readSeq && message.from !== state.me && message.recalled_at === undefined);
  return { unread: unread.length, mentions: unread.filter((message) => state.mentions(message)).length };
};

const showMessage = ({ reactions = [], ...message }: Message) => ({
  ...message,
  reactions: Object.fromEntries(
    [...reactions].sort((a, b) => (a.emoji < b.emoji ? -1 : 1)).map(({ emoji, count, mine }) => [emoji, `${count}${mine ? " mine" : ""}`]),
  ),
});

/** The newest message of one's own, by which reading is compared. */
export const newestOwn = (state: DeviceState, dialog: DialogState): Message | undefined =>
  dialog
    .visible()
    .filter(({ from }) => from === state.me)
    .at(-1);

const readersOf = (state: DeviceState, dialog: DialogState): string[] => {
  const own = newestOwn(state, dialog);
  if (!own || dialog.kind === "supergroup" || dialog.leftSeq !== null) return [];
  return [...dialog.readers]
    .filter(([userId, seq]) => seq >= own.seq && (dialog.kind === "user" || dialog.members.has(userId)))
    .map(([userId]) => userId)
    .sort();
};

const showDialog = (state: DeviceState, dialog: DialogState): View => {
  const visible = dialog.visible();
  const ids = new Set(visible.map(({ id }) => id));
  return {
    ...(dialog.kind === "user" ? {} : { title: dialog.title }),
    left_seq: dialog.leftSeq,
    read_seq: dialog.readSeq,
    unread: recount(state, dialog).unread,
    pin_order: dialog.pinOrder,
    muted_until: dialog.mutedUntil,
    draft: dialog.draft,
    archived: dialog.archived,
    marked_unread: dialog.markedUnread,
    members: Object.fromEntries([...dialog.members].sort(([a], [b]) => (a < b ? -1 : 1))),
    pins: Object.fromEntries([...dialog.pins].filter(([id]) => ids.has(id)).sort(([a], [b]) => (a < b ? -1 : 1))),
    readers: readersOf(state, dialog),
    messages: visible.map(showMessage),
  };
};

export const viewOf = (state: DeviceState): View => ({
  blocked: [...state.blocked].sort(),
  dialogs: Object.fromEntries(
    [...state.dialogs.values()]
      .filter((dialog) => dialog.listed)
      .sort((a, b) => (a.peer < b.peer ? -1 : 1))
      .map((dialog) => [dialog.peer, showDialog(state, dialog)]),
  ),
});

/** Without who has read, in dialogs with these: a block hides receipts from its moment on, and nobody is told of them later. */
export const withoutReaders = (view: View, peers: (peer: string) => boolean): View => ({
  ...view,
  dialogs: Object.fromEntries(
    Object.entries(view["dialogs"] as Record<string, View>).map(([peer, dialog]) => [
      peer,
      peers(peer) ? { ...dialog, readers: [] } : dialog,
    ]),
  ),
});

/** Where two views differ, as paths with both values; at most `max`. */
export const differences = (a: unknown, b: unknown, path = "", max = 8): string[] => {
  if (Object.is(a, b)) return [];
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return [`${path}: ${show(a)} | ${show(b)}`];
  const found: string[] = [];
  for (const key of new Set([...Object.keys(a), ...Object.keys(b)])) {
    const [left, right] = [(a as View)[key], (b as View)[key]];
    found.push(...differences(left, right, path === "" ? key : `${path}.${key}`, max - found.length));
    if (found.length >= max) break;
  }
  return found;
};

const show = (value: unknown): string => (JSON.stringify(value) ?? "nothing").slice(0, 300);
