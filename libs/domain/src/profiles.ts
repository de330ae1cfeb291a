import type { PrivacyRow, UserRow } from "@dunlin/engines/store";
import { AppError } from "@dunlin/runtime";
import type { CommandOutcomes } from "./command-outcomes.js";
import type { Avatars } from "./files/index.js";
import type { Outcome } from "./groups.js";
import type { RequestStore } from "./guarded-store.js";
import { systemConversationOf } from "./ids.js";
import type { Relations } from "./relations.js";

/** What an avatar may be, at most so many characters of it. */
export const AVATAR = /^(https?:\/\/[\x21-\x7e]+|F[\w-]+)?$/;
export const AVATAR_MAX = 512;
export const AVATAR_SAYS = "an http(s) URL, the id of an image file of one's own, or empty";

/** A nickname has 1 to 64 characters, a bio at most this many. */
export const BIO_MAX = 256;

export interface ProfileChange {
  readonly nickname?: string | undefined;
  readonly avatar?: string | undefined;
  readonly bio?: string | undefined;
}

export interface ProfilesDeps {
  readonly store: Pick<RequestStore, "users">;
  readonly relations: Relations;
  readonly outcomes: CommandOutcomes;
  readonly avatars: Pick<Avatars, "use">;
}

/** An id that nobody has: what is looked up in its place takes as long. */
const NOBODY = "U11111111111111";

/** What users show of themselves, and to whom. */
export class Profiles {
  constructor(private readonly deps: ProfilesDeps) {}

  /** @returns the user as it is then, or as it will be. @throws AppError NOT_FOUND, FILE_NOT_FOUND, FILE_TYPE_REFUSED, QUEUE_FULL, UNAVAILABLE */
  async update(userId: string, change: ProfileChange, requestId: string): Promise<{ user: UserRow; outcome: Outcome }> {
    const { store, outcomes, avatars } = this.deps;
    const { nickname, avatar, bio } = change;
    await avatars.use(userId, userId, avatar);
    const conversationId = systemConversationOf(userId);
    const value = { conversationId, userId, nickname, avatar, bio };
    const outcome = await outcomes.run(conversationId, requestId, { $case: "setProfile", value });
    const [user] = await store.users.get([userId]);
    if (!user) throw new AppError("NOT_FOUND");
    if (outcome === "applied") return { user, outcome };
    const given = Object.entries({ nickname, avatar, bio }).filter(([, text]) => text !== undefined);
    return { user: { ...user, ...Object.fromEntries(given) }, outcome };
  }

  /** @throws AppError NOT_FOUND, QUEUE_FULL, UNAVAILABLE */
  async setPrivacy(privacy: PrivacyRow, requestId: string): Promise<Outcome> {
    const { relations, outcomes } = this.deps;
    const conversationId = systemConversationOf(privacy.userId);
    const outcome = await outcomes.run(conversationId, requestId, { $case: "setPrivacy", value: { conversationId, ...privacy } });
    relations.forgetPrivacy(privacy.userId);
    return outcome;
  }

  /**
   * The user with this account name, for one who may find it by that; undefined when there is none just as when there is
   * one that is not to be found, after the same look-ups. @throws AppError UNAVAILABLE
   */
  async find(viewer: string, account: string): Promise<UserRow | undefined> {
    const user = await this.deps.store.users.byAccount(account);
    const may = await this.deps.relations.mayFind(viewer, user?.id ?? NOBODY);
    return user && may ? user : undefined;
  }

  /**
   * A user as `viewer` may see it: without its account name when it is not to be found by that, and without its words
   * when one of the two has blocked the other. @throws AppError NOT_FOUND, UNAVAILABLE
   */
  async show(viewer: string, userId: string): Promise<UserRow> {
    const { store, relations } = this.deps;
    const [[user], mayFind, closed] = await Promise.all([
      store.users.get([userId]),
      relations.mayFind(viewer, userId),
      relations.isClosed(viewer, userId),
    ]);
    if (!user) throw new AppError("NOT_FOUND");
    if (viewer === userId) return user;
    const { bio, ...rest } = user;
    return { ...rest, ...(bio === undefined || closed ? {} : { bio }), account: mayFind ? user.account : "" };
  }
}
