import { expect, test } from "vitest";
import { fold } from "./fold.js";
import { matches, parseQuery } from "./query.js";
import { searchTexts, searchWords } from "./texts.js";
import { indexWords } from "./words.js";

const row = (payload: unknown, recalledAt: number | null = null) => ({
  type: "C2C" as const,
  payload: JSON.stringify(payload),
  recalledAt,
});
const text = (said: string) => row({ msg_type: "text", text: said });

/** Whether the index would find it, and whether it is shown. */
const finds = (said: string, query: string): { indexed: boolean; shown: boolean } => {
  const parsed = parseQuery(query);
  const words = searchWords(text(said));
  const indexed = parsed.lookUps.every(({ word, prefix }) => words.some((one) => (prefix ? one.startsWith(word) : one === word)));
  return { indexed, shown: indexed && matches(parsed, searchTexts(text(said))) };
};

test("text is folded: small letters, no accents, no width, one space between words", () => {
  expect(fold("  Ｃａｆé -- ÉTÉ!! ").join("")).toBe("cafe ete");
  expect(fold("Straße Œuvre Łódź İstanbul").join("")).toBe("strasse oeuvre lodz istanbul");
  expect(fold("한국어 ガ が").join("")).toBe("한국어 ガ が");
  expect(fold("👍🏽 ❤️").join("")).toBe("👍 ❤");
  expect(fold("?!… ")).toEqual([]);
});

test.each([
  ["Hello World", "hello", true],
  ["Hello World", "WORLD hello", true],
  ["Hello World", "wor", true],
  ["Hello World", "hel world", false],
  ["Hello World", "orld", false],
  ["a to be", "to be a", true],
  ["don't stop", "don't", true],
  ["well-known fact", "well-known", true],
  ["known well", "well-known", false],
  ["version 1.25", "1.25", true],
  ["今天天气很好", "天", true],
  ["今天天气很好", "好", true],
  ["今天天气很好", "天气", true],
  ["今天天气很好", "今天天气很好", true],
  ["今天天气很好", "气天", false],
  ["今天天气很好", "今天很好", false],
  // The pairs 天天, 天气 and 气天 are all there, the text is not.
  ["天天气天", "天气天天", false],
  ["我用iPhone拍的", "iphone", true],
  ["我用iPhone拍的", "用iphone拍", true],
  ["我用iPhone拍的", "phone", false],
  ["我用 iPhone", "iPhone 我", true],
  ["東京タワー", "タワー", true],
  ["東京タワー", "タ", true],
  ["ｶﾀｶﾅ", "カタカナ", true],
  ["안녕하세요", "안녕", true],
  ["Привет, мир", "при", true],
  ["Привет, мир", "мир привет", true],
  ["สวัสดีครับ", "ครับ", true],
  ["see you 🎉🎊", "🎉", true],
  ["see you 🎉🎊", "🎊", true],
  ["👍🏽", "👍", true],
  ["x".repeat(200), "x".repeat(100), true],
  [`${"x".repeat(200)}y`, `${"x".repeat(200)}z`, false],
  ["𠮷野家", "𠮷", true],
])("%j by %j: %s", (said, query, shown) => {
  expect(finds(said, query).shown).toBe(shown);
});

test("whatever matches is in the index by all that is looked up: every part of random texts", () => {
  const alphabet = [..."ab1é天气好タ한ж 🎉-'."];
  const random = (length: number): string => Array.from({ length }, () => alphabet[Math.floor(Math.random() * alphabet.length)]).join("");
  for (let round = 0; round < 3_000; round++) {
    const said = random(1 + Math.floor(Math.random() * 20));
    const begin = Math.floor(Math.random() * said.length);
    const query = said.slice(begin, begin + 1 + Math.floor(Math.random() * 8)).trim();
    if (fold(query).length === 0) continue;
    const parsed = parseQuery(query);
    if (matches(parsed, searchTexts(text(said)))) expect(finds(said, query), `${said} by ${query}`).toEqual({ indexed: true, shown: true });
  }
});

test("words are small ASCII letters and digits, short enough for every engine", () => {
  for (const word of indexWords(fold(`${"x".repeat(300)} ${"ж".repeat(300)} 天气 𠮷 the "q" * ( +a`)))
    expect(word).toMatch(/^[auk][a-z0-9]{1,64}$/);
});

test("a query of signs alone is refused", () => {
  for (const query of ["", "  ", "?!", "…"]) expect(() => parseQuery(query)).toThrow(expect.objectContaining({ code: "SEARCH_EMPTY" }));
});

test("what people wrote is searched, wherever it stands; nothing of what was recalled, of apps' own, of system notices", () => {
  const texts = (payload: unknown, recalledAt: number | null = null) => searchTexts(row(payload, recalledAt)).map((one) => one.join(""));
  expect(texts({ msg_type: "file", name: "plan.pdf", caption: "The plan", file_id: "F1" })).toEqual(["plan pdf", "the plan"]);
  expect(texts({ msg_type: "image", caption: "夏天" })).toEqual(["夏天"]);
  expect(texts({ msg_type: "location", title: "Home", address: "1 Road" })).toEqual(["home", "1 road"]);
  expect(texts({ msg_type: "card", peer: "U1", title: "Ann" })).toEqual(["ann"]);
  expect(texts({ msg_type: "voice", file_id: "F1" })).toEqual([]);
  expect(texts({ msg_type: "custom", text: "secret" })).toEqual([]);
  expect(texts({ msg_type: "constructor" })).toEqual([]);
  for (const payload of ["null", "7", "{", ""]) expect(searchWords({ type: "C2C", payload, recalledAt: null })).toEqual([]);
  expect(texts({ msg_type: "text", text: "hi" }, 5)).toEqual([]);
  expect(searchTexts({ type: "S2C", payload: '{"msg_type":"text","text":"hi"}', recalledAt: null })).toEqual([]);
});
