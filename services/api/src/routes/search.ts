import { createHash } from "node:crypto";
import { isMessageId } from "@dunlin/domain";
import { z } from "zod";
import { makeCursor, readCursor } from "../cursor.js";
import { route } from "../http/route.js";
import { pageText } from "./page-text.js";
import { cursorParameter, messageView, pageOf, peerId, queryInteger } from "./schemas.js";

const QUERY_CHARS_MAX = 100;
const WORDS_MAX = 10;
const LIMIT_MAX = 50;
const DEFAULT_LIMIT = 20;

const place = z.string().refine(isMessageId);

const words = z
  .string()
  // Longer than anybody types, whatever is trimmed.
  .max(1_000)
  .transform((text) => text.trim())
  .refine((text) => text.length > 0 && [...text].length <= QUERY_CHARS_MAX, `not 1 to ${QUERY_CHARS_MAX} characters`)
  .refine((text) => text.split(/\s+/u).length <= WORDS_MAX, `more than ${WORDS_MAX} words`)
  .meta({
    type: "string",
    description:
      "1 to 100 characters, at most 10 words between spaces: a message must have all of them. The last one may be the beginning of a word. Upper and lower case, accents and width do not matter; Chinese, Japanese, Korean and Thai are found by any part, also by one character.",
    example: "天气 report",
  });

export const searchRoutes = [
  route({
    id: "search",
    method: "get",
    path: "/v1/search",
    tag: "Messages",
    summary:
      "Messages that one can see, by what they say, the newest first: texts, captions, names of files, places and cards. What was just said is found within seconds. A page may hold fewer than asked for: the end is where next_cursor is null",
    who:
      "Every user, in what one may see: one's 1:1 conversations, groups from joining on, and those that one has left, up to there; " +
      "nothing that one has deleted. With `peer` whoever has the dialog; to anybody else `NOT_A_MEMBER`.",
    query: z.strictObject({
      q: words,
      peer: peerId.optional().meta({ description: "Only the conversation with this user, or of this group or supergroup" }),
      cursor: cursorParameter.optional(),
      limit: queryInteger(1, LIMIT_MAX).optional(),
    }),
    limit: "lookup",
    response: pageOf(
      z
        .object({
          message: messageView,
          dialog: z.object({ peer: z.string(), kind: z.enum(["user", "group", "supergroup"]), title: z.string(), avatar: z.string() }),
          sender: z.object({ id: z.string(), nickname: z.string(), avatar: z.string() }),
        })
        .meta({ id: "SearchResult" }),
    ),
    errors: ["SEARCH_EMPTY", "PEER_NOT_FOUND", "NOT_A_MEMBER", "GROUP_UPGRADED"],
    handler: async ({ search }, { claims: { userId }, query: { q, peer, cursor, limit } }) => {
      // A cursor belongs to what was searched for.
      const list = `search ${createHash("sha256")
        .update(`${peer ?? ""} ${q}`)
        .digest("hex")
        .slice(0, 32)}`;
      const below = cursor === undefined ? undefined : readCursor(list, userId, place, cursor);
      const { found, next } = await search.find(userId, q, peer, below, limit ?? DEFAULT_LIMIT);
      return { json: pageText(await search.texts(userId, found), next === undefined ? null : makeCursor(list, userId, next)) };
    },
  }),
];
