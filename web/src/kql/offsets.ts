/** Positions in a query. The server counts bytes of UTF-8; the editor counts UTF-16 units. */

export function byteToIndex(text: string, bytes: number): number {
  let seen = 0;
  let index = 0;
  for (const char of text) {
    if (seen >= bytes) break;
    seen += utf8Length(char.codePointAt(0) ?? 0);
    index += char.length;
  }
  return index;
}

/** Line and column, both from 1. */
export function lineColumn(text: string, index: number): { line: number; column: number } {
  const before = text.slice(0, index);
  const line = before.split('\n').length;
  return { line, column: index - (before.lastIndexOf('\n') + 1) + 1 };
}

function utf8Length(codePoint: number): number {
  if (codePoint < 0x80) return 1;
  if (codePoint < 0x800) return 2;
  return codePoint < 0x10000 ? 3 : 4;
}
