/** What an alert brings as evidence: the rows that raised it, and the query that found them. */
import type { QueryColumn, QueryTable, SecurityAlert } from '@/api/types';

export interface Evidence {
  table: QueryTable | undefined;
  query: string | undefined;
  /** `start/end` of the query, for the Logs page. */
  range: string | undefined;
}

/** Names under which rules of different origin keep their rows and query. */
const rowKeys = ['Events', 'events', 'Evidence', 'Rows', 'Search Query Results Events'];
const queryKeys = ['Query', 'query', 'Search Query'];

export function evidenceOf(alert: SecurityAlert): Evidence {
  const data = alert.properties.additionalData ?? {};
  const query = firstText(data, queryKeys);
  const start = firstText(data, ['Query Start Time UTC']) ?? alert.properties.startTimeUtc;
  const end = firstText(data, ['Query End Time UTC']) ?? alert.properties.endTimeUtc;
  return {
    table: toTable(first(data, rowKeys)),
    query,
    range: start && end && start < end ? `${instant(start)}/${instant(end)}` : undefined,
  };
}

/** A list of objects as a table; columns in the order in which they first appear. */
export function toTable(value: unknown): QueryTable | undefined {
  const rows = parsed(value);
  if (!Array.isArray(rows)) return undefined;
  const objects = rows.filter((row): row is Record<string, unknown> => typeof row === 'object' && row !== null && !Array.isArray(row));
  if (objects.length === 0) return undefined;
  const columns = new Map<string, QueryColumn>();
  for (const row of objects) {
    for (const [name, cell] of Object.entries(row)) {
      if (!columns.has(name)) columns.set(name, { name, type: typeOf(cell) });
    }
  }
  const list = [...columns.values()];
  return { name: 'Evidence', columns: list, rows: objects.map((row) => list.map((column) => row[column.name] ?? null)) };
}

function typeOf(value: unknown): string {
  if (typeof value === 'number') return 'real';
  if (typeof value === 'boolean') return 'bool';
  if (typeof value === 'object' && value !== null) return 'dynamic';
  return typeof value === 'string' && /^\d{4}-\d{2}-\d{2}T[\d:.]+Z$/.test(value) ? 'datetime' : 'string';
}

function parsed(value: unknown): unknown {
  if (typeof value !== 'string') return value;
  try {
    return JSON.parse(value);
  } catch {
    return undefined;
  }
}

function first(data: Record<string, unknown>, keys: readonly string[]): unknown {
  return keys.map((key) => data[key]).find((value) => value !== undefined && value !== null);
}

function firstText(data: Record<string, unknown>, keys: readonly string[]): string | undefined {
  const value = first(data, keys);
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function instant(text: string): string {
  const time = new Date(text);
  return Number.isNaN(time.getTime()) ? text : time.toISOString();
}
