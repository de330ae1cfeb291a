import { AppError } from "@dunlin/runtime";
import type { Access } from "./access.js";
import { supergroupFrame } from "./frames.js";
import type { RequestStore } from "./guarded-store.js";
import { isSupergroupId } from "./ids.js";

export interface SupergroupDifference {
  /** Frames as the live stream carries them, ascending by seq without a gap. */
  readonly updates: string[];
  /** How far the log reaches. */
  readonly pts: number;
  readonly hasMore: boolean;
  /** What is asked for is too far back, not the member's to read, or beyond the end: load the history. */
  readonly tooLong: boolean;
}

/**
 * A member's way to catch up with a supergroup.
 * @param catchUpMax entries; who lacks more gets `tooLong`
 * @throws AppError PEER_NOT_FOUND for what is no supergroup id, NOT_A_MEMBER, UNAVAILABLE
 */
export const supergroupDifference = async (
  store: Pick<RequestStore, "supergroups" | "conversations">,
  access: Access,
  catchUpMax: number,
  { userId, id, pts, limit }: { userId: string; id: string; pts: number; limit: number },
): Promise<SupergroupDifference> => {
  if (!isSupergroupId(id)) throw new AppError("PEER_NOT_FOUND");
  const { joinedSeq } = await access.membership(userId, id);
  const [row] = await store.conversations.get([id]);
  if (!row?.supergroup) throw new AppError("NOT_A_MEMBER");
  // What lies in the group it was upgraded from is history, not log.
  const floor = Math.max(joinedSeq, row.supergroup.origin?.seq ?? 0, row.lastSeq - catchUpMax);
  if (pts < floor || pts > row.lastSeq) return { updates: [], pts: row.lastSeq, hasMore: false, tooLong: true };
  const log = await store.supergroups.log(id, pts, limit);
  const last = log.entries.at(-1)?.seq ?? pts;
  return { updates: log.entries.map((entry) => supergroupFrame(id, entry)), pts: log.seq, hasMore: last < log.seq, tooLong: false };
};
