/** Stands in for the language's helpers: enough of each to see that the editor asks and shows. Texts are ASCII. */
import { metadata } from './query.ts';

const operators: readonly [string, string][] = [['where', 'keeps the rows for which a condition is true'], ['summarize', 'makes one row per combination of keys'], ['project', 'gives exactly the listed columns'], ['take', 'keeps any so many rows'], ['render', 'says how the result is to be shown']];
const functions: readonly [string, string, string][] = [['bin', 'bin(value: number, size: number): widest', 'Rounds down to a multiple.'], ['strlen', 'strlen(string: any): long', 'Number of characters.'], ['count', 'count(): long', 'Number of rows.']];
const columnsOf = (query: string) => metadata.tables.find((table) => query.trimStart().startsWith(table.name))?.columns ?? [];

function wordAt(query: string, offset: number): { start: number; end: number } {
  const start = offset - (/[\w-]*$/.exec(query.slice(0, offset))?.[0].length ?? 0);
  return { start, end: offset + (/^\w*/.exec(query.slice(offset))?.[0].length ?? 0) };
}

export function complete(query: string, offset: number): object {
  const { start, end } = wordAt(query, offset);
  const before = query.slice(0, start).trimEnd();
  const typed = query.slice(start, offset).toLowerCase();
  const named = before === ''
    ? metadata.tables.map(({ name, description }) => ({ label: name, kind: 'Table', detail: 'table', documentation: description, insert: name }))
    : before.endsWith('|')
      ? operators.map(([label, detail]) => ({ label, kind: 'Operator', detail, insert: `${label} ` }))
      : [...columnsOf(query).map(({ name, type }) => ({ label: name, kind: 'Column', detail: type, insert: name })), ...functions.map(([label, detail, documentation]) => ({ label, kind: 'Function', detail, documentation, insert: `${label}(` }))];
  return { items: named.filter(({ label }) => label.toLowerCase().includes(typed)).map((item) => ({ ...item, start, end })), incomplete: false };
}

export function hover(query: string, offset: number): object | null {
  const { start, end } = wordAt(query, offset);
  const word = query.slice(start, end);
  const table = metadata.tables.find(({ name }) => name === word);
  const operator = operators.find(([name]) => name === word);
  const text = table ? `\`\`\`kql\n${word}\n\`\`\`\n${table.description}` : operator ? `\`\`\`kql\nT | ${word} …\n\`\`\`\n${operator[1]}` : undefined;
  return text ? { start, end, text } : null;
}

export function call(query: string, offset: number): object | null {
  const open = /(\w+)\(([^()]*)$/.exec(query.slice(0, offset));
  const known = functions.find(([name]) => name === open?.[1]);
  if (!known) return null;
  const label = known[1];
  const parameters = [...label.matchAll(/\w+: \w+(?=[,)])/g)].map((match) => [match.index, match.index + match[0].length]);
  return { forms: [{ label, parameters }], form: 0, parameter: (open?.[2] ?? '').split(',').length - 1, documentation: known[2] };
}

export function colours(query: string): object {
  const kinds = ['Table', 'Operator', 'Column', 'Literal', 'String', 'Mark', 'Function'];
  const pieces: [number, number, number][] = [];
  for (const match of query.matchAll(/"[^"]*"|'[^']*'|\d[\w.]*|\w+|[^\s\w]/g)) {
    const text = match[0];
    const behindPipe = query.slice(0, match.index).trimEnd().endsWith('|');
    const kind = /^["']/.test(text) ? 4 : /^\d/.test(text) ? 3 : !/^\w/.test(text) ? 5 : metadata.tables.some(({ name }) => name === text) ? 0 : behindPipe ? 1 : query[match.index + text.length] === '(' ? 6 : 2;
    pieces.push([match.index, match.index + text.length, kind]);
  }
  return { kinds, pieces };
}

export function format(query: string): object {
  const open = query.lastIndexOf('(');
  if (open > query.lastIndexOf(')')) return { query: null, diagnostics: [{ code: 'K0010', severity: 'Error', start: open, end: open + 1, message: 'this `(` is not closed' }] };
  return { query: query.trim().replace(/\s*\|\s*/g, '\n| ').replace(/[ \t]+/g, ' '), diagnostics: [] };
}
