import { AppError, type Clock } from "@dunlin/runtime";
import type { Access } from "../access.js";
import type { RequestStore } from "../guarded-store.js";
import { isUserId } from "../ids.js";
import type { Relations } from "../relations.js";
import { HOLD_MS } from "./lifetimes.js";
import { isImageType } from "./types.js";

/** Who show a file as their picture and are looked at: one whose picture may be seen is enough. */
const HOLDERS_MAX = 100;

export interface AvatarsDeps {
  readonly store: Pick<RequestStore, "files">;
  readonly access: Pick<Access, "membership">;
  readonly relations: Pick<Relations, "isClosed">;
  readonly clock: Pick<Clock, "now">;
}

/** Pictures of users and groups that are files here: an avatar is a file's id, a URL that is none of ours, or "". */
export class Avatars {
  constructor(private readonly deps: AvatarsDeps) {}

  /**
   * That `userId` may make `avatar` the picture of `holder`: a file is an image of one's own, or is it already. From then on
   * it stays until the change is stored. Undefined when it is no file.
   * @throws AppError FILE_NOT_FOUND, FILE_TYPE_REFUSED, UNAVAILABLE
   */
  use(userId: string, holder: string, avatar: string | undefined): Promise<void> | undefined {
    return avatar?.startsWith("F") ? this.#use(userId, holder, avatar) : undefined;
  }

  async #use(userId: string, holder: string, id: string): Promise<void> {
    const { store, clock } = this.deps;
    const [[file], holders] = await Promise.all([store.files.get([id]), store.files.holders(id, HOLDERS_MAX)]);
    if (file?.state !== "ready" || (file.ownerId !== userId && !holders.includes(holder))) throw new AppError("FILE_NOT_FOUND");
    if (!isImageType(file.type)) throw new AppError("FILE_TYPE_REFUSED", "only an image can be an avatar");
    if ((await store.files.hold([id], clock.now() + HOLD_MS)).length === 0) throw new AppError("FILE_NOT_FOUND");
  }

  /**
   * Whether a file is a picture that `viewer` may see: of a user who is not cut off from the viewer by a block, or of a group
   * that the viewer is in. @throws AppError UNAVAILABLE
   */
  async shows(viewer: string, id: string): Promise<boolean> {
    for (const holder of await this.deps.store.files.holders(id, HOLDERS_MAX)) if (await this.#maySee(viewer, holder)) return true;
    return false;
  }

  async #maySee(viewer: string, holder: string): Promise<boolean> {
    const { access, relations } = this.deps;
    if (isUserId(holder)) return viewer === holder || !(await relations.isClosed(viewer, holder));
    return access.membership(viewer, holder).then(
      () => true,
      (error: unknown) => {
        if (error instanceof AppError && (error.code === "NOT_A_MEMBER" || error.code === "GROUP_UPGRADED")) return false;
        throw error;
      },
    );
  }
}
