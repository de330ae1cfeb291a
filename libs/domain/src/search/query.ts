import { AppError } from "@dunlin/runtime";
import { fold, isBoundary } from "./fold.js";
import { type LookUp, lookUps } from "./words.js";

/** What somebody looks for: texts with all of these parts. */
export interface ParsedQuery {
  /** Folded, without those that are nothing but signs; at least one. */
  readonly parts: readonly (readonly string[])[];
  /** All of them are in the index for every text that matches. */
  readonly lookUps: readonly LookUp[];
}

/** Parts are what stands between spaces. The last one may be the beginning of a word. @throws AppError SEARCH_EMPTY */
export const parseQuery = (text: string): ParsedQuery => {
  const parts = text
    .split(/\s+/u)
    .map(fold)
    .filter((part) => part.length > 0);
  if (parts.length === 0) throw new AppError("SEARCH_EMPTY");
  const found = new Map<string, LookUp>();
  for (const [i, part] of parts.entries()) {
    for (const lookUp of lookUps(part, i === parts.length - 1)) {
      const there = found.get(lookUp.word);
      if (!there || there.prefix) found.set(lookUp.word, lookUp);
    }
  }
  return { parts, lookUps: [...found.values()] };
};

const standsAt = (text: readonly string[], part: readonly string[], at: number): boolean => {
  for (let i = 0; i < part.length; i++) if (text[at + i] !== part[i]) return false;
  return true;
};

/** Whether the part stands in the text as whole words; `open`: the last of them may go on. */
const holds = (text: readonly string[], part: readonly string[], open: boolean): boolean => {
  for (let at = 0; at + part.length <= text.length; at++) {
    const end = at + part.length;
    if (standsAt(text, part, at) && isBoundary(text[at - 1], text[at]) && (open || isBoundary(text[end - 1], text[end]))) return true;
  }
  return false;
};

/** Whether one of the folded texts holds every part: what the index finds is only likely (pairs that stand apart, cut words, an old version). */
export const matches = (query: ParsedQuery, texts: readonly (readonly string[])[]): boolean =>
  query.parts.every((part, i) => texts.some((text) => holds(text, part, i === query.parts.length - 1)));
