/** CSV as spreadsheets read it: RFC 4180 quoting, CRLF, and a byte order mark added on download. */

export function toCsv(header: readonly string[], rows: readonly (readonly unknown[])[]): string {
  return [header, ...rows].map((row) => row.map(field).join(',')).join('\r\n') + '\r\n';
}

/**
 * A text cell that starts like a formula gets a leading apostrophe: log data comes from outside, and
 * a spreadsheet would run it.
 */
function field(value: unknown): string {
  if (value === null || value === undefined) return '';
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  let text = typeof value === 'string' ? value : JSON.stringify(value);
  if (/^[=+\-@\t\r]/.test(text) && Number.isNaN(Number(text))) text = `'${text}`;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** Offers a text as a file. Spreadsheets want the byte order mark, scripts must not have it. */
export function download(name: string, text: string, type: string, byteOrderMark = true): void {
  const url = URL.createObjectURL(new Blob(byteOrderMark ? ['\ufeff', text] : [text], { type }));
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  URL.revokeObjectURL(url);
}
