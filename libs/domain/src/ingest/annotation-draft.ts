import type { AnnotationChanges, EditRow, HiddenPlace, MessageRow, PinRow, ReactionCount, ReactionKey } from "@dunlin/engines/store";

/** What the transaction has read of messages that the batch's commands name. */
export interface LoadedAnnotations {
  readonly messages: readonly MessageRow[];
  readonly hidden: readonly HiddenPlace[];
  readonly reactions: readonly ReactionKey[];
  readonly reactionCounts: readonly ReactionCount[];
  readonly pins: readonly PinRow[];
}

const hiddenKey = (place: HiddenPlace): string => `${place.userId} ${place.conversationId} ${place.seq}`;
const reactionKey = (key: ReactionKey): string => `${key.messageId} ${key.userId} ${key.emoji}`;
const pinKey = (pin: { conversationId: string; seq: number }): string => `${pin.conversationId} ${pin.seq}`;

/** What a batch does to messages that are there already; bookkeeping like `Draft`, whose part it is. */
export class AnnotationDraft {
  readonly #stored: ReadonlyMap<string, MessageRow>;
  readonly #changed = new Map<string, MessageRow>();
  readonly #storedHidden: ReadonlySet<string>;
  readonly #hidden = new Map<string, HiddenPlace & { at: number }>();
  readonly #storedReactions: ReadonlySet<string>;
  readonly #reactions = new Map<string, { key: ReactionKey; on: boolean; at: number }>();
  readonly #counts = new Map<string, Map<string, ReactionCount>>();
  readonly #countsChanged = new Map<string, ReactionCount>();
  readonly #pins = new Map<string, Map<string, PinRow>>();
  readonly #storedPins: ReadonlySet<string>;
  readonly #pinsChanged = new Map<string, PinRow & { on: boolean }>();
  #edits: EditRow[] = [];
  readonly #cleared = new Set<string>();

  constructor(loaded: LoadedAnnotations) {
    this.#stored = new Map(loaded.messages.map((row) => [row.id, row]));
    this.#storedHidden = new Set(loaded.hidden.map(hiddenKey));
    this.#storedReactions = new Set(loaded.reactions.map(reactionKey));
    for (const count of loaded.reactionCounts) this.#countsOf(count.messageId).set(count.emoji, count);
    this.#storedPins = new Set(loaded.pins.map(pinKey));
    for (const pin of loaded.pins) this.#pinsOf(pin.conversationId).set(pinKey(pin), pin);
  }

  /** A stored message that the batch names, as it is now. */
  message(id: string): MessageRow | undefined {
    return this.#changed.get(id) ?? this.#stored.get(id);
  }

  changeMessage(row: MessageRow): void {
    this.#changed.set(row.id, row);
  }

  addEdit(edit: EditRow): void {
    this.#edits.push(edit);
  }

  isHidden(place: HiddenPlace): boolean {
    const key = hiddenKey(place);
    return this.#storedHidden.has(key) || this.#hidden.has(key);
  }

  hide(place: HiddenPlace, at: number): void {
    this.#hidden.set(hiddenKey(place), { ...place, at });
  }

  /** Stored messages in (afterSeq, upToSeq] that counted as unread for this user before the batch and do not any more. */
  uncounted(conversationId: string, userId: string, afterSeq: number, upToSeq: number): MessageRow[] {
    const gone: MessageRow[] = [];
    for (const before of this.#stored.values()) {
      if (before.conversationId !== conversationId || before.from === userId || before.recalledAt !== null) continue;
      if (before.seq <= afterSeq || before.seq > upToSeq) continue;
      const key = hiddenKey({ userId, conversationId, seq: before.seq });
      if (this.#storedHidden.has(key)) continue;
      const now = this.#changed.get(before.id) ?? before;
      if (now.recalledAt !== null || this.#hidden.has(key)) gone.push(before);
    }
    return gone;
  }

  hasReaction(key: ReactionKey): boolean {
    const text = reactionKey(key);
    return this.#reactions.get(text)?.on ?? (this.#storedReactions.has(text) && !this.#cleared.has(key.messageId));
  }

  /** The emoji that a message has as reactions, and how often. */
  reactionCounts(messageId: string): ReadonlyMap<string, ReactionCount> {
    return this.#countsOf(messageId);
  }

  /** Adds or removes a reaction that is not there, or is. @returns how many have it then. */
  react(key: ReactionKey, on: boolean, at: number): number {
    this.#reactions.set(reactionKey(key), { key, on, at });
    const { messageId, emoji } = key;
    const counts = this.#countsOf(messageId);
    const before = counts.get(emoji) ?? { messageId, emoji, count: 0, firstAt: at };
    const after = { ...before, count: Math.max(0, before.count + (on ? 1 : -1)) };
    if (after.count > 0) counts.set(emoji, after);
    else counts.delete(emoji);
    this.#countsChanged.set(`${messageId} ${emoji}`, after);
    return after.count;
  }

  /** The pinned messages of a conversation that the batch names. */
  pins(conversationId: string): readonly PinRow[] {
    return [...this.#pinsOf(conversationId).values()];
  }

  isPinned(place: { conversationId: string; seq: number }): boolean {
    return this.#pinsOf(place.conversationId).has(pinKey(place));
  }

  pin(row: PinRow): void {
    this.#pinsOf(row.conversationId).set(pinKey(row), row);
    this.#pinsChanged.set(pinKey(row), { ...row, on: true });
  }

  unpin(place: { conversationId: string; seq: number }): void {
    const key = pinKey(place);
    const row = this.#pinsOf(place.conversationId).get(key);
    if (!row) return;
    this.#pinsOf(place.conversationId).delete(key);
    this.#pinsChanged.set(key, { ...row, on: false });
  }

  /** Removes a message's earlier versions and its reactions. */
  clear(messageId: string): void {
    this.#cleared.add(messageId);
    this.#edits = this.#edits.filter((edit) => edit.messageId !== messageId);
    for (const [text, { key }] of this.#reactions) if (key.messageId === messageId) this.#reactions.delete(text);
    for (const [text, count] of this.#countsChanged) if (count.messageId === messageId) this.#countsChanged.delete(text);
    this.#counts.delete(messageId);
  }

  changes(): AnnotationChanges {
    const reactions = [...this.#reactions.values()].filter(({ key, on }) => on !== this.#storedReactions.has(reactionKey(key)));
    const pins = [...this.#pinsChanged].filter(([key, { on }]) => on !== this.#storedPins.has(key)).map(([, pin]) => pin);
    return {
      messages: [...this.#changed.values()],
      cleared: [...this.#cleared],
      edits: this.#edits,
      hidden: [...this.#hidden.values()],
      reactionsAdded: reactions.filter(({ on }) => on).map(({ key, at }) => ({ ...key, at })),
      reactionsRemoved: reactions.filter(({ on }) => !on).map(({ key }) => key),
      reactionCounts: [...this.#countsChanged.values()],
      pinsAdded: pins.filter(({ on }) => on).map(({ on: _, ...pin }) => pin),
      pinsRemoved: pins.filter(({ on }) => !on),
    };
  }

  #countsOf(messageId: string): Map<string, ReactionCount> {
    let counts = this.#counts.get(messageId);
    if (!counts) {
      counts = new Map();
      this.#counts.set(messageId, counts);
    }
    return counts;
  }

  #pinsOf(conversationId: string): Map<string, PinRow> {
    let pins = this.#pins.get(conversationId);
    if (!pins) {
      pins = new Map();
      this.#pins.set(conversationId, pins);
    }
    return pins;
  }
}
