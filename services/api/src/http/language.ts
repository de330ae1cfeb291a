/** The languages errors are told in. */
export type Language = "en" | "zh";

/** The better one for an Accept-Language header; English when it says nothing. */
export const languageOf = (header: string | undefined): Language => {
  if (header === undefined || header.length > 512) return "en";
  let best: Language = "en";
  let bestWeight = 0;
  for (const range of header.split(",")) {
    const [tag = "", ...parameters] = range.trim().toLowerCase().split(";");
    const language = /^zh\b/.test(tag) ? "zh" : /^(en\b|\*)/.test(tag) ? "en" : undefined;
    const q = parameters.find((p) => p.trim().startsWith("q="));
    const weight = q === undefined ? 1 : Number(q.trim().slice(2));
    if (language !== undefined && weight > bestWeight) {
      best = language;
      bestWeight = weight;
    }
  }
  return best;
};
