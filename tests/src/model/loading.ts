import { type DunlinClient, DunlinError } from "@dunlin/client";
import type { DeviceState } from "./device-state.js";
import type { DialogState } from "./dialog-state.js";
import { newestOwn } from "./view.js";

/** Calls that may find nothing (any more): a frame tells so later, or has told it already. */
const ifThere = async <T>(call: Promise<T>): Promise<T | undefined> => {
  try {
    return await call;
  } catch (error) {
    if (error instanceof DunlinError && (error.status === 403 || error.status === 404)) return undefined;
    throw error;
  }
};

const pages = async <T>(page: (cursor: string | undefined) => Promise<{ items: T[]; next_cursor: string | null }>): Promise<T[]> => {
  const items: T[] = [];
  for (let cursor: string | undefined; ; ) {
    const answer = await page(cursor);
    items.push(...answer.items);
    if (answer.next_cursor === null) return items;
    cursor = answer.next_cursor;
  }
};

/** What the server's dialog said besides: to be compared with what its messages say. */
export interface Shown {
  readonly unread: number;
  readonly mentions: number;
  readonly topMessage: string | undefined;
}

/** A device that has nothing, or must not trust what it has, loads what the server shows: dialogs, histories, pins, members. */
export class Loader {
  readonly shown = new Map<string, Shown>();

  constructor(
    private readonly client: DunlinClient,
    private readonly state: DeviceState,
    /** How many of one's messages to ask the readers of, the newest first. */
    private readonly readersOf: number,
  ) {}

  async everything(): Promise<void> {
    const { client, state } = this;
    state.snapshot = true;
    const blocks = await pages((cursor) => client.blocks.list(cursor === undefined ? {} : { cursor }));
    for (const { user_id } of blocks) state.blocked.add(user_id);
    // Small pages on purpose: the list is paged while it changes.
    const dialogs = await pages((cursor) => client.dialogs.list({ limit: 3, ...(cursor === undefined ? {} : { cursor }) }));
    for (const row of dialogs) {
      const dialog = state.dialog(row.peer);
      dialog.load(row);
      dialog.told = { unread: row.unread, mentions: row.unread_mentions };
      this.shown.set(row.peer, { ...dialog.told, topMessage: row.top_message?.id });
      await this.#content(dialog);
    }
  }

  /** A conversation anew, as who lacks too much of its log does. */
  async conversation(peer: string): Promise<void> {
    this.state.snapshot = true;
    const dialog = this.state.dialog(peer);
    const row = await ifThere(this.client.dialogs.get(peer));
    if (!row) {
      dialog.listed = false;
      return;
    }
    dialog.load(row);
    dialog.messages.clear();
    await this.#content(dialog);
  }

  /**
   * A supergroup that the user has left, when it is looked at: it is followed no longer, so what has become of its messages since
   * is asked for.
   */
  async open(peer: string): Promise<void> {
    const dialog = this.state.dialog(peer);
    dialog.messages.clear();
    await this.#content(dialog);
  }

  /** A dialog that a frame names for the first time. */
  async dialog(peer: string): Promise<void> {
    const row = await ifThere(this.client.dialogs.get(peer));
    const dialog = this.state.dialog(peer);
    if (row) dialog.load({ ...row, top_seq: Math.min(row.top_seq, dialog.topSeq) });
  }

  /** Who is in a group. */
  async group(peer: string): Promise<void> {
    const members = await ifThere(
      pages((cursor) => this.client.groups.members(peer, { limit: 3, ...(cursor === undefined ? {} : { cursor }) })),
    );
    const dialog = this.state.dialog(peer);
    if (!members) return;
    dialog.members.clear();
    for (const { user_id, role } of members) dialog.members.set(user_id, role);
  }

  async #content(dialog: DialogState): Promise<void> {
    const { client, state } = this;
    const history = await ifThere(
      (async () => {
        const found = [];
        for (let before: number | undefined; ; ) {
          const { items, next_cursor } = await client.dialogs.history(
            dialog.peer,
            before === undefined ? { limit: 20 } : { limit: 20, before_seq: before },
          );
          found.push(...items);
          if (next_cursor === null || !items[0]) return found;
          before = items[0].seq;
        }
      })(),
    );
    for (const message of history ?? []) dialog.messages.set(message.seq, message);
    const pins = await ifThere(client.dialogs.pinned(dialog.peer));
    dialog.loadPins(pins ?? []);
    if (dialog.kind !== "user" && dialog.leftSeq === null) await this.group(dialog.peer);
    if (dialog.kind === "supergroup" || dialog.leftSeq !== null) return;
    const own = dialog
      .visible()
      .filter(({ from }) => from === state.me)
      .slice(-this.readersOf);
    if (this.readersOf === 1) own.splice(0, own.length, ...[newestOwn(state, dialog)].filter((message) => message !== undefined));
    for (const message of own) {
      for (const { user_id, read_seq } of (await ifThere(client.messages.readers(message.id))) ?? []) {
        dialog.readers.set(user_id, Math.max(read_seq, dialog.readers.get(user_id) ?? 0));
      }
    }
  }
}
