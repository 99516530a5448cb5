/** `make-series` gives one row per series, with arrays in its cells; charts want one row per point. */
import type { QueryColumn, QueryRender, QueryTable } from '@/api/types';
import type { ChartKind } from './chart-data';

/** One row per element of the arrays, when every row has an axis and values of the same length; else the table as it is. */
export function unrollSeries(table: QueryTable): QueryTable {
  const arrays = table.rows.map((row) => row.map((value, at) => (table.columns[at]?.type === 'dynamic' ? parseArray(value) : undefined)));
  const first = arrays[0];
  if (!first) return table;
  const unrolled = table.columns.map((_, at) => arrays.every((row) => row[at] !== undefined));
  const axis = axisOf(table.columns, first, unrolled);
  if (axis < 0 || !unrolled.some((is, at) => is && at !== axis)) return table;
  const columns: QueryColumn[] = table.columns.map((column, at) => (unrolled[at] ? { name: column.name, type: at === axis ? axisType(first[at]) : 'real' } : column));
  const rows = table.rows.flatMap((row, at) => {
    const cells = arrays[at] ?? [];
    const length = cells[axis]?.length ?? 0;
    return Array.from({ length }, (_, step) => row.map((value, column) => (unrolled[column] ? (cells[column]?.[step] ?? null) : value)));
  });
  return { ...table, columns, rows };
}

/**
 * For an anomaly chart: the columns of flags (-1, 0, 1) hold the charted value where the flag is set and nothing
 * elsewhere, so that they are drawn as marks on the line.
 */
export function markAnomalies(table: QueryTable, kind: ChartKind, render: QueryRender): { table: QueryTable; anomalies: string[] } {
  const asked = names(render.anomalyColumns);
  if (kind !== 'line' || render.visualization?.toLowerCase() !== 'anomalychart') return { table, anomalies: [] };
  const isNumber = (column: QueryColumn) => ['int', 'long', 'real', 'decimal'].includes(column.type);
  const flags = table.columns.flatMap((column, at) => {
    const wanted = asked.length > 0 ? asked.includes(column.name) : /anomal|ad_flag/i.test(column.name);
    return wanted && isNumber(column) && table.rows.every((row) => row[at] === null || Math.abs(Number(row[at])) <= 1) ? [at] : [];
  });
  const value = table.columns.findIndex((column, at) => isNumber(column) && !flags.includes(at));
  if (value < 0 || flags.length === 0) return { table, anomalies: [] };
  const rows = table.rows.map((row) => row.map((cell, at) => (flags.includes(at) ? (Number(cell) === 0 ? null : row[value]) : cell)));
  return { table: { ...table, rows }, anomalies: flags.map((at) => table.columns[at]?.name ?? '') };
}

/** A list of column names, as an array or as text with commas. */
export function names(value: string[] | string | null | undefined): string[] {
  if (!value) return [];
  return Array.isArray(value) ? value : value.split(',').map((name) => name.trim()).filter(Boolean);
}

/** The axis is the array of times, or else the last one, where `make-series` puts it. */
function axisOf(columns: readonly QueryColumn[], first: readonly (unknown[] | undefined)[], unrolled: readonly boolean[]): number {
  const times = first.findIndex((cell, at) => unrolled[at] === true && axisType(cell) === 'datetime');
  return times >= 0 ? times : columns.findLastIndex((_, at) => unrolled[at] === true);
}

function axisType(cell: readonly unknown[] | undefined): string {
  const value = cell?.find((element) => element !== null);
  return typeof value === 'string' && !Number.isNaN(Date.parse(value)) ? 'datetime' : 'real';
}

/** A dynamic cell is JSON text, or the array itself. */
function parseArray(value: unknown): unknown[] | undefined {
  if (Array.isArray(value)) return value;
  if (typeof value !== 'string' || !value.startsWith('[')) return undefined;
  try {
    const parsed: unknown = JSON.parse(value);
    return Array.isArray(parsed) ? parsed : undefined;
  } catch {
    return undefined;
  }
}
