/** One change of the built code: in the file whose path ends so, this text becomes that. */
export interface Replacement {
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

/**
 * Deliberate faults. A ledger that stays green with one of these in the code proves nothing. They are applied while the
 * code is loaded; nothing in the product knows of them. `breaks` is the rule by which each must be found.
 */
export const mutations = {
  "early-answer": {
    about: "apisvc answers before the queue has acknowledged",
    breaks: "L",
    replacements: [
      {
        file: "libs/domain/dist/commands.js",
        find: "await withTimeout(queue.produce(COMMANDS, commands), PRODUCE_TIMEOUT_MS);",
        replace: "queue.produce(COMMANDS, commands).catch(() => {});",
      },
    ],
  },
  "no-dedupe": {
    about: "neither apisvc nor ingest nor the store's keys drop a message that was sent twice",
    breaks: "D",
    replacements: [
      {
        file: "libs/domain/dist/sending.js",
        find: "if (before === undefined)\n            return { ...fresh, stored: false };",
        replace: "return { ...fresh, stored: false };",
      },
      {
        file: "libs/domain/dist/sending.js",
        find: "if (sent) {",
        replace: "if (false) {",
      },
      {
        file: "libs/domain/dist/ingest/messages.js",
        find: 'draft.alreadySent(send.senderId, send.clientMsgId) ? "OK" : ',
        replace: "",
      },
      {
        file: "libs/engines/dist/store/sql/migrations/0001-first.js",
        find: '{ name: "messages_sent", columns: ["sender_id", "client_msg_id"], unique: true }',
        replace: '{ name: "messages_sent", columns: ["sender_id", "client_msg_id"] }',
      },
    ],
  },
} as const satisfies Record<string, { about: string; breaks: string; replacements: readonly Replacement[] }>;

export type MutationName = keyof typeof mutations;

/** What the loader prints to standard error for each replacement it has made. */
export const APPLIED = "mutation applied:";

/** Node flags that load the tested code with a mutation. */
export const mutationFlags = (name: MutationName | undefined): string[] =>
  name === undefined ? [] : ["--import", `${new URL("./mutate.js", import.meta.url).href}?${name}`];
