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

export function indexToByte(text: string, index: number): number {
  let bytes = 0;
  for (const char of text.slice(0, index)) bytes += utf8Length(char.codePointAt(0) ?? 0);
  return bytes;
}

/** `byteToIndex` for many positions that come in order, in one walk over the text. */
export function byteWalker(text: string): (bytes: number) => number {
  let seen = 0;
  let index = 0;
  return (bytes) => {
    while (seen < bytes && index < text.length) {
      const point = text.codePointAt(index) ?? 0;
      seen += utf8Length(point);
      index += point > 0xffff ? 2 : 1;
    }
    return index;
  };
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
