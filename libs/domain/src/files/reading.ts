import type { FileRow } from "@dunlin/engines/store";
import { AppError, type Clock } from "@dunlin/runtime";
import type { RequestStore } from "../guarded-store.js";
import { FILES_PER_MESSAGE_MAX, fileIdsOf } from "./carried.js";
import { HOLD_MS } from "./lifetimes.js";

/** Messages with a file that are looked at: one that still carries it is enough. */
const REFS_MAX = 50;

type FileStore = Pick<RequestStore, "files" | "messages">;

/**
 * A file that is ready, for its owner or somebody who may read a message that carries it now (not a recalled one, nor one that
 * the user has deleted), or whom `shownOtherwise` lets have it.
 * @throws AppError FILE_NOT_FOUND, the same whether there is none or it is not theirs
 */
export const readableFile = async (
  store: FileStore,
  userId: string,
  id: string,
  shownOtherwise: () => Promise<boolean> = async () => false,
): Promise<FileRow> => {
  const [file] = await store.files.get([id]);
  if (file?.state !== "ready") throw new AppError("FILE_NOT_FOUND");
  if (file.ownerId === userId || (await isShown(store, userId, id)) || (await shownOtherwise())) return file;
  throw new AppError("FILE_NOT_FOUND");
};

const isShown = async ({ files, messages }: FileStore, userId: string, id: string): Promise<boolean> => {
  const refs = await files.refs(id, userId, REFS_MAX);
  if (refs.length === 0) return false;
  const carrying = await messages.get(refs.map((ref) => ref.messageId));
  return carrying.some((message) => fileIdsOf(message.payload).includes(id));
};

/**
 * That a user may send a message with this payload (JSON text), now or at some time (ms since 1970): each file in it is one
 * the user may read. From then on they stay until the message is stored. Undefined when it carries none.
 * @throws AppError FILE_NOT_FOUND naming the files, BAD_REQUEST for too many of them
 */
export const useFiles = (
  store: FileStore,
  clock: Pick<Clock, "now">,
  userId: string,
  payload: string,
  sendAt = 0,
): Promise<void> | undefined => {
  const ids = fileIdsOf(payload);
  return ids.length === 0 ? undefined : hold(store, userId, ids, Math.max(sendAt, clock.now()) + HOLD_MS);
};

const hold = async (store: FileStore, userId: string, ids: readonly string[], until: number): Promise<void> => {
  if (ids.length > FILES_PER_MESSAGE_MAX) throw new AppError("BAD_REQUEST", "too many files", { details: { max: FILES_PER_MESSAGE_MAX } });
  const readable = await Promise.all(
    ids.map((id) =>
      readableFile(store, userId, id).then(
        () => true,
        (error: unknown) => {
          if (error instanceof AppError && error.code === "FILE_NOT_FOUND") return false;
          throw error;
        },
      ),
    ),
  );
  const held = new Set(
    await store.files.hold(
      ids.filter((_, i) => readable[i]),
      until,
    ),
  );
  const missing = ids.filter((id) => !held.has(id));
  if (missing.length > 0) throw new AppError("FILE_NOT_FOUND", undefined, { details: { file_ids: missing } });
};
