/**
 * How text is made alike for search, in one place for the index, for queries and for checking what the index found: any
 * writing of a word finds every other one ("Ｃａｆé" = "cafe"), whatever the store's full text would make of it.
 */

/** What a character is to search. Nothing: it parts words. */
export type Kind = "latin" | "other" | "dense" | "";

/** Latin letters that decomposing does not take apart. */
const FOLDED: Readonly<Record<string, string>> = { ß: "ss", æ: "ae", œ: "oe", ø: "o", đ: "d", ł: "l", ı: "i" };
const UNFOLDED = /[ßæœøđłı]/g;

/** Signs that say how the one before looks: variation selectors, joiners, skin tones, soft hyphens. */
const INVISIBLE = /[\u00ad\u2060\ufeff]|[\u200b-\u200d]|[\ufe00-\ufe0f]|[\u{1f3fb}-\u{1f3ff}]/gu;
const MARKS = /[\u0300-\u036f]/g;

/** Written without spaces between words, or (emoji) words by themselves: found by any part. */
const DENSE =
  /^[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Script=Bopomofo}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}\p{Extended_Pictographic}\p{Regional_Indicator}\u30fc]$/u;
const LATIN = /^[a-z0-9]$/;
const OTHER = /^[\p{L}\p{N}\p{M}]$/u;

const known = new Map<string, Kind>();
/** Characters whose kind is remembered: more than people write, less than Unicode has. */
const KNOWN_MAX = 20_000;

const findKind = (character: string): Kind =>
  LATIN.test(character) ? "latin" : DENSE.test(character) ? "dense" : OTHER.test(character) ? "other" : "";

/** The kind of one character of folded text; of nothing it is "". */
export const kindOf = (character: string | undefined): Kind => {
  if (character === undefined) return "";
  let kind = known.get(character);
  if (kind === undefined) {
    kind = findKind(character);
    if (known.size < KNOWN_MAX) known.set(character, kind);
  }
  return kind;
};

/** Small letters, no compatibility forms, no accents, one space for everything that parts words. Characters, not code units. */
export const fold = (text: string): string[] => {
  const plain = text
    .normalize("NFKC")
    .toLowerCase()
    .normalize("NFKD")
    .replace(MARKS, "")
    // Hangul and kana go together again.
    .normalize("NFC")
    .replace(INVISIBLE, "")
    .replace(UNFOLDED, (letter) => FOLDED[letter] as string);
  const folded: string[] = [];
  for (const character of plain) {
    if (kindOf(character) !== "") folded.push(character);
    else if (folded.length > 0 && folded.at(-1) !== " ") folded.push(" ");
  }
  if (folded.at(-1) === " ") folded.pop();
  return folded;
};

/** Whether a word may begin or end between two neighbours. */
export const isBoundary = (before: string | undefined, after: string | undefined): boolean => {
  const kind = kindOf(before);
  return kind === "dense" || kind !== kindOf(after);
};
