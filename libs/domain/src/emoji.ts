// Not a literal: the flag v is newer than the syntax this is compiled to.
const emoji = "^\\p{RGI_Emoji}$";
const ONE_EMOJI = new RegExp(emoji, "v");
const AS_EMOJI = "\ufe0f";

/** One emoji in its full form (`❤` is `❤️`); undefined for anything else. */
export const emojiOf = (text: string): string | undefined => {
  if (text.length === 0 || text.length > 64) return undefined;
  if (ONE_EMOJI.test(text)) return text;
  return ONE_EMOJI.test(text + AS_EMOJI) ? text + AS_EMOJI : undefined;
};
