import type { MessageRow, Search, WordsOf } from "../port/index.js";
import type { SqlContext } from "../sql/context.js";
import { unavailable } from "../sql/errors.js";
import { numberOf, textOf } from "../sql/rows.js";
import { messagesBehind, messagesOf, notesState, removeNotes, searchNotes } from "../sql/search-notes.js";
import { searchScopes } from "../sql/search-scopes.js";
import { findInParts, indexText, NO_ID, wordsToFind } from "../sql/search-words.js";
import { type SqlValue, withSession } from "../sql/session.js";
import { WorkerConnection } from "./connection.js";
import type { Answer } from "./protocol.js";
import { Turns } from "./turns.js";

const MAX_WAITING = 1024;
const MAX_WAIT_MS = 10_000;

/** Contentless: the words are not kept a second time. Of a word only which messages have it: no places, no counts of rows. */
const SCHEMA = [
  "create virtual table if not exists message_words using fts5(words, tokenize = 'ascii', content = '', contentless_delete = 1, detail = none)",
  "create table if not exists state (name text primary key, message_id integer not null, filled integer not null) strict",
  "insert into state values ('index', 0, 0) on conflict do nothing",
];

/** The full text's own file, written by a thread of its own: the store's one writer is ingest's. */
export class SearchFile {
  readonly #turns = new Turns(MAX_WAITING, MAX_WAIT_MS);
  #connection: Promise<WorkerConnection> | undefined;
  #closed = false;

  constructor(private readonly file: string) {}

  /** Statements of one turn are not mixed with others'. */
  async turn<T>(work: (run: (sql: string, params?: readonly SqlValue[]) => Promise<Answer>) => Promise<T>): Promise<T> {
    await this.#turns.take();
    try {
      const connection = await this.#open();
      return await work((sql, params = []) => connection.perform({ kind: "run", sql, params }));
    } finally {
      this.#turns.done();
    }
  }

  /** Carries out all statements or none. */
  write(statements: readonly { readonly sql: string; readonly params: readonly (readonly SqlValue[])[] }[]): Promise<void> {
    return this.turn(async () => {
      const connection = await this.#open();
      const parts = [
        connection.perform({ kind: "begin" }),
        ...statements.map(({ sql, params }) => connection.perform({ kind: "each", sql, params }, true)),
        connection.perform({ kind: "commit" }, true),
      ];
      try {
        await Promise.all(parts);
      } catch (error) {
        await Promise.allSettled(parts);
        await connection.perform({ kind: "rollback" }).catch(() => undefined);
        throw error;
      }
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#turns.take().catch(() => undefined);
    await (await this.#connection?.catch(() => undefined))?.close();
  }

  /** Opened when it is first needed: who never searches pays no thread. */
  #open(): Promise<WorkerConnection> {
    if (this.#closed) throw unavailable("the store is closed");
    this.#connection ??= this.#start().catch((error: unknown) => {
      this.#connection = undefined;
      throw error;
    });
    return this.#connection;
  }

  async #start(): Promise<WorkerConnection> {
    const connection = await WorkerConnection.open({ file: this.file, mode: "writer" });
    for (const sql of SCHEMA) await connection.perform({ kind: "run", sql, params: [] });
    return connection;
  }
}

/** FTS5 in a file beside the store. A note goes after the index has what it names; after a crash in between it is taken in again. */
export const createSqliteSearch = (context: SqlContext, file: SearchFile): Search => {
  const { reads, writes } = context;
  const indexing = new Turns(MAX_WAITING, MAX_WAIT_MS);
  /** One at a time: what is read of messages is then no older than what the index has of them. */
  const alone = async <T>(work: () => Promise<T>): Promise<T> => {
    await indexing.take();
    try {
      return await work();
    } finally {
      indexing.done();
    }
  };

  const put = (messages: readonly MessageRow[], wordsOf: WordsOf) => {
    const found = messages.map((message) => ({ id: BigInt(message.id), text: indexText(message.conversationId, wordsOf(message)) }));
    return [
      { sql: "delete from message_words where rowid = ?", params: found.filter(({ text }) => text === "").map(({ id }) => [id]) },
      {
        sql: "insert or replace into message_words (rowid, words) values (?, ?)",
        params: found.filter(({ text }) => text !== "").map(({ id, text }) => [id, text]),
      },
    ];
  };

  /** How far it is filled; undefined: full. */
  const filledTo = async (): Promise<bigint | undefined> => {
    const { rows } = await file.turn((run) => run("select cast(message_id as text), filled from state where name = 'index'"));
    return numberOf(rows[0]?.[1]) === 0 ? BigInt(textOf(rows[0]?.[0])) : undefined;
  };

  return {
    find: (query) =>
      findInParts(query, async (part) => {
        const match = wordsToFind(part)
          .map((written) => `(${written.join(" OR ")})`)
          .join(" AND ");
        const { rows } = await file.turn((run) =>
          run("select cast(rowid as text) from message_words where message_words match ? and rowid < ? order by rowid desc limit ?", [
            match,
            BigInt(part.belowId ?? NO_ID),
            part.limit,
          ]),
        );
        return rows.map((row) => textOf(row[0]));
      }),

    scopes: (userId, limit) => searchScopes(context, userId, limit),

    follow: (limit, wordsOf) =>
      alone(async () => {
        const { notes, messages } = await withSession(reads, async (session) => {
          const notes = await searchNotes(session, limit);
          return { notes, messages: await messagesOf(session, notes.messageIds) };
        });
        if (notes.numbers.length === 0) return 0;
        await file.write(put(messages, wordsOf));
        await withSession(writes, (session) => session.write([removeNotes(notes.numbers)]));
        return notes.messageIds.length;
      }),

    fill: (limit, wordsOf) =>
      alone(async () => {
        const behind = await filledTo();
        if (behind === undefined) return 0;
        const messages = await withSession(reads, (session) => messagesBehind(session, behind, limit));
        const last = messages.at(-1)?.id;
        await file.write([
          ...put(messages, wordsOf),
          {
            sql: "update state set message_id = ?, filled = ? where name = 'index'",
            params: [[last === undefined ? behind : BigInt(last), last === undefined ? 1 : 0]],
          },
        ]);
        return messages.length;
      }),

    async state() {
      const [notes, behind] = await Promise.all([notesState(context), filledTo()]);
      return { ...notes, filling: behind !== undefined };
    },

    reset: () =>
      alone(() =>
        file.write([
          { sql: "insert into message_words (message_words) values ('delete-all')", params: [[]] },
          { sql: "update state set message_id = 0, filled = 0 where name = 'index'", params: [[]] },
        ]),
      ),
  };
};
