import type { MessageRow, Search, WordsOf } from "../port/index.js";
import type { SqlContext } from "../sql/context.js";
import { retryAborted } from "../sql/errors.js";
import { numberOf, textOf } from "../sql/rows.js";
import { messagesBehind, messagesOf, notesState, removeNotes, type SearchNotes, searchNotes } from "../sql/search-notes.js";
import { searchScopes } from "../sql/search-scopes.js";
import { findInParts, indexText, NO_ID, wordsToFind } from "../sql/search-words.js";
import { type Session, type SessionSource, type WriteStep, withSession } from "../sql/session.js";

/** InnoDB's full text over a table of words, in the database of everything else: what is indexed and its note commit together. */
export const createMysqlSearch = (context: SqlContext, slow: SessionSource): Search => {
  const { reads, writes } = context;

  /** Index transactions exclude each other by the row that says how far it is filled. @returns where that is, undefined: full */
  const lockState = async (session: Session): Promise<bigint | undefined> => {
    const { rows } = await session.run("select message_id, filled from search_state where name = 'index' for update", []);
    const row = rows[0];
    return row && numberOf(row.filled) === 0 ? BigInt(textOf(row.message_id)) : undefined;
  };

  const transaction = <T>(work: (session: Session) => Promise<{ steps: WriteStep[]; result: T }>): Promise<T> =>
    retryAborted(() =>
      withSession(writes, async (session) => {
        session.begin();
        try {
          const { steps, result } = await work(session);
          await session.commit(steps);
          return result;
        } catch (error) {
          await session.rollback();
          throw error;
        }
      }),
    );

  const put = (messages: readonly MessageRow[], wordsOf: WordsOf): WriteStep[] => {
    const found = messages.map((message) => ({ id: BigInt(message.id), text: indexText(message.conversationId, wordsOf(message)) }));
    found.sort((a, b) => (a.id < b.id ? -1 : 1));
    return [
      {
        remove: { table: "search_index", key: ["message_id"] },
        keys: () => found.filter(({ text }) => text === "").map(({ id }) => [id]),
      },
      {
        insert: { table: "search_index", columns: ["message_id", "words"], key: ["message_id"], existing: { words: "set" } },
        rows: () => found.filter(({ text }) => text !== "").map(({ id, text }) => [id, text]),
      },
    ];
  };

  return {
    find: (query) =>
      findInParts(query, async (part) => {
        const against = wordsToFind(part)
          .map((written) => `+(${written.join(" ")})`)
          .join(" ");
        const { rows } = await withSession(reads, (session) =>
          session.run(
            "select message_id from search_index where match(words) against (? in boolean mode) and message_id < ? order by message_id desc limit ?",
            [against, BigInt(part.belowId ?? NO_ID), part.limit],
          ),
        );
        return rows.map((row) => textOf(row.message_id));
      }),

    scopes: (userId, limit) => searchScopes(context, userId, limit),

    async follow(limit, wordsOf) {
      // Most looks find nothing: they lock nothing either.
      const { rows } = await withSession(reads, (session) => session.run("select no from search_notes limit 1", []));
      if (rows.length === 0) return 0;
      return transaction(async (session) => {
        await lockState(session);
        const notes: SearchNotes = await searchNotes(session, limit);
        const messages = await messagesOf(session, notes.messageIds);
        return { steps: [...put(messages, wordsOf), removeNotes(notes.numbers)], result: notes.messageIds.length };
      });
    },

    fill: (limit, wordsOf) =>
      transaction(async (session) => {
        const behind = await lockState(session);
        if (behind === undefined) return { steps: [], result: 0 };
        const messages = await messagesBehind(session, behind, limit);
        const last = messages.at(-1)?.id;
        const state: WriteStep = {
          change: { table: "search_state", columns: ["message_id", "filled"], key: ["name"] },
          rows: () => [[last === undefined ? behind : BigInt(last), last === undefined ? 1 : 0, "index"]],
        };
        return { steps: [...put(messages, wordsOf), state], result: messages.length };
      }),

    async state() {
      const [notes, filled] = await Promise.all([
        notesState(context),
        withSession(reads, (session) => session.run("select filled from search_state where name = 'index'", [])),
      ]);
      return { ...notes, filling: numberOf(filled.rows[0]?.filled ?? 1) === 0 };
    },

    reset: () =>
      withSession(slow, async (session) => {
        const anew = "update search_state set message_id = 0, filled = 0 where name = 'index'";
        // Before and after: a reset that is cut off leaves an index that is filled again, and nothing put in meanwhile counts.
        await session.run(anew, []);
        await session.run("truncate table search_index", []);
        await session.run(anew, []);
      }),
  };
};
