import { type Kind, kindOf } from "./fold.js";

/** How much of a word the index knows, characters; what is longer is told apart by looking at the text. */
const LATIN_MAX = 64;
const OTHER_MAX = 16;

/** Four letters or digits for every code point, so that what begins alike is written alike. */
const code = (character: string): string => (character.codePointAt(0) as number).toString(36).padStart(4, "0");

/** A run of characters of one kind. */
const runsOf = function* (folded: readonly string[]): Generator<{ kind: Kind; run: readonly string[] }> {
  for (let begin = 0; begin < folded.length; ) {
    const kind = kindOf(folded[begin]);
    let end = begin + 1;
    while (end < folded.length && kindOf(folded[end]) === kind) end++;
    if (kind !== "") yield { kind, run: folded.slice(begin, end) };
    begin = end;
  }
};

/** A word of a script with spaces, as the index has it. */
const spaced = (kind: Kind, run: readonly string[]): string =>
  kind === "latin" ? `a${run.slice(0, LATIN_MAX).join("")}` : `u${run.slice(0, OTHER_MAX).map(code).join("")}`;

/**
 * The words of folded text as the index has them, each once: small ASCII letters and digits, so that both engines take each
 * for one word and none for a stop word. Dense scripts are cut into pairs, and the end of a run stands alone: one character
 * is then what a pair begins with.
 */
export const indexWords = (folded: readonly string[]): string[] => {
  const words = new Set<string>();
  for (const { kind, run } of runsOf(folded)) {
    if (kind !== "dense") words.add(spaced(kind, run));
    else
      for (let i = 0; i < run.length; i++) words.add(`k${code(run[i] as string)}${i + 1 < run.length ? code(run[i + 1] as string) : ""}`);
  }
  return [...words];
};

/** A word to look up in the index; a prefix stands for all that begin with it. */
export interface LookUp {
  readonly word: string;
  readonly prefix: boolean;
}

/** What a text must have in the index to hold this query; `open`: its last word may go on. */
export const lookUps = (folded: readonly string[], open: boolean): LookUp[] => {
  const found = new Map<string, LookUp>();
  const add = (word: string, prefix: boolean): void => {
    const there = found.get(word);
    if (!there || there.prefix) found.set(word, { word, prefix });
  };
  const runs = [...runsOf(folded)];
  for (const [i, { kind, run }] of runs.entries()) {
    if (kind !== "dense") add(spaced(kind, run), open && i === runs.length - 1);
    else if (run.length === 1) add(`k${code(run[0] as string)}`, true);
    else for (let at = 0; at + 1 < run.length; at++) add(`k${code(run[at] as string)}${code(run[at + 1] as string)}`, false);
  }
  return [...found.values()];
};
