/** Results of a query as people read, sort and filter them. */
import type { QueryColumn, QueryTable } from '@/api/types';

/** One cell as a line of text. */
export function cellText(value: unknown, type: string): string {
  if (value === null || value === undefined) return '';
  if (type === 'datetime' && typeof value === 'string') return datetimeText(value);
  if (typeof value === 'object') return JSON.stringify(value);
  return String(value);
}

/** `2026-01-31T08:15:00.1230000Z` as `2026-01-31 08:15:00.123`; headers say that it is UTC. */
function datetimeText(value: string): string {
  const match = /^(\d{4}-\d{2}-\d{2})T(\d{2}:\d{2}:\d{2})(\.\d+)?Z?$/.exec(value);
  if (!match) return value;
  const fraction = (match[3] ?? '.000').slice(0, 4).padEnd(4, '0');
  return `${match[1]} ${match[2]}${fraction}`;
}

export function headerText(column: QueryColumn): string {
  return column.type === 'datetime' ? `${column.name} [UTC]` : column.name;
}

/** A dynamic value, pretty: dynamics arrive as JSON text. Undefined when it is a plain value. */
export function prettyJson(value: unknown): string | undefined {
  let parsed = value;
  if (typeof value === 'string') {
    if (!/^\s*[[{]/.test(value)) return undefined;
    try {
      parsed = JSON.parse(value);
    } catch {
      return undefined;
    }
  }
  return typeof parsed === 'object' && parsed !== null ? JSON.stringify(parsed, null, 2) : undefined;
}

/** Rows as objects, dynamics as the values they hold. */
export function toObjects(table: QueryTable): Record<string, unknown>[] {
  const value = (cell: unknown, type: string): unknown => {
    if (type !== 'dynamic' || typeof cell !== 'string') return cell;
    try {
      return JSON.parse(cell) as unknown;
    } catch {
      return cell;
    }
  };
  return table.rows.map((row) => Object.fromEntries(table.columns.map((column, at) => [column.name, value(row[at], column.type)])));
}

export interface SortBy {
  column: number;
  descending: boolean;
}

/** Order of row numbers after filter and sort. Nulls come last, whatever the direction. */
export function arrange(
  columns: readonly QueryColumn[],
  rows: readonly (readonly unknown[])[],
  filter: string,
  sort: SortBy | undefined,
): number[] {
  const wanted = filter.trim().toLowerCase();
  const order: number[] = [];
  rows.forEach((row, at) => {
    if (!wanted || row.some((value, column) => cellText(value, columns[column]?.type ?? '').toLowerCase().includes(wanted))) order.push(at);
  });
  if (!sort) return order;
  const sign = sort.descending ? -1 : 1;
  return order.sort((left, right) => {
    const a = rows[left]?.[sort.column];
    const b = rows[right]?.[sort.column];
    const emptyA = a === null || a === undefined || a === '';
    const emptyB = b === null || b === undefined || b === '';
    if (emptyA || emptyB) return Number(emptyA) - Number(emptyB) || left - right;
    if (typeof a === 'number' && typeof b === 'number') return sign * (a - b) || left - right;
    return sign * String(a).localeCompare(String(b), undefined, { numeric: true }) || left - right;
  });
}

/** A width per column in pixels, from the header and a sample of the values. */
export function columnWidths(columns: readonly QueryColumn[], rows: readonly (readonly unknown[])[]): number[] {
  const sample = rows.slice(0, 100);
  return columns.map((column, at) => {
    let longest = headerText(column).length + 3;
    for (const row of sample) longest = Math.max(longest, cellText(row[at], column.type).length);
    return Math.min(380, Math.max(90, Math.round(longest * 7.3) + 26));
  });
}
