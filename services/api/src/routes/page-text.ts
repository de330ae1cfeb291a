/** The JSON text of a page whose items are JSON texts. */
export const pageText = (items: readonly string[], nextCursor: string | null): string =>
  `{"items":[${items.join(",")}],"next_cursor":${nextCursor === null ? "null" : `"${nextCursor}"`}}`;
