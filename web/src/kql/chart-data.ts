/** Turns a query's table into what a chart draws, by the rules of KQL's `render`. */
import type { QueryColumn, QueryRender, QueryTable } from '@/api/types';
import { markAnomalies, names, unrollSeries } from './series';

export type ChartKind = 'line' | 'area' | 'column' | 'bar' | 'pie' | 'scatter';

export interface ChartData {
  kind: ChartKind;
  /** `time`: x is milliseconds; otherwise x is a label. */
  x: 'time' | 'number' | 'label';
  xName: string;
  series: string[];
  points: (Record<string, number> & { x: number | string })[];
  stacked: boolean;
  /** Shares of the whole at each point, in place of amounts. */
  shares: boolean;
  /** Series that are drawn as marks on another: places that stand out. */
  anomalies: string[];
  title: string | undefined;
  /** Series or slices that were left out, because no one can tell so many apart. */
  dropped: number;
}

const seriesMax = 12;
const numeric = new Set(['int', 'long', 'real', 'decimal']);

export function chartKind(visualization: string | undefined): ChartKind | undefined {
  switch (visualization?.toLowerCase()) {
    case 'timechart':
    case 'linechart':
    case 'anomalychart':
      return 'line';
    case 'areachart':
    case 'stackedareachart':
      return 'area';
    case 'columnchart':
      return 'column';
    case 'barchart':
      return 'bar';
    case 'piechart':
      return 'pie';
    case 'scatterchart':
      return 'scatter';
    default:
      return undefined;
  }
}

/** Undefined when the table has no number to draw. */
export function toChart(answered: QueryTable, kind: ChartKind, render: QueryRender = {}): ChartData | undefined {
  const { table, anomalies } = markAnomalies(unrollSeries(answered), kind, render);
  const { columns, rows } = table;
  const timed = kind === 'line' || kind === 'area' || kind === 'scatter';
  const xAt = pickX(columns, render.xColumn ?? undefined, timed);
  const chosen = names(render.yColumns);
  const yAt = pickY(columns, chosen.length > 0 ? [...chosen, ...anomalies] : chosen, xAt);
  if (xAt < 0 || yAt.length === 0) return undefined;
  const splitAt = pickSplit(columns, names(render.series), xAt, kind);
  const xColumn = columns[xAt];
  const x = xColumn?.type === 'datetime' ? 'time' : xColumn && numeric.has(xColumn.type) && timed ? 'number' : 'label';

  const points = new Map<number | string, Record<string, number> & { x: number | string }>();
  const totals = new Map<string, number>();
  for (const row of rows) {
    const key = xValue(row[xAt], x);
    if (key === undefined) continue;
    let point = points.get(key);
    if (!point) points.set(key, (point = { x: key } as Record<string, number> & { x: number | string }));
    const split = splitAt.map((at) => String(row[at] ?? '')).join(', ');
    for (const at of yAt) {
      const value = Number(row[at]);
      if (row[at] === null || row[at] === undefined || Number.isNaN(value)) continue;
      const column = columns[at]?.name ?? '';
      const name = splitAt.length === 0 ? column : yAt.length === 1 ? split || '(empty)' : `${split}: ${column}`;
      point[safe(name)] = (point[safe(name)] ?? 0) + value;
      totals.set(safe(name), (totals.get(safe(name)) ?? 0) + Math.abs(value));
    }
  }
  const all = [...totals.entries()].sort((left, right) => right[1] - left[1]).map(([name]) => name);
  const data = [...points.values()];
  if (x !== 'label') data.sort((left, right) => Number(left.x) - Number(right.x));
  const limited = kind === 'pie' ? topSlices(data, all[0]) : data;
  return {
    kind,
    x,
    xName: xColumn?.name ?? '',
    series: all.slice(0, seriesMax),
    anomalies: all.filter((name) => anomalies.some((column) => name === column || name.endsWith(`: ${column}`))),
    points: limited,
    stacked: render.kind === 'stacked' || render.kind === 'stacked100' || (kind === 'area' && render.kind !== 'unstacked') || kind === 'column',
    shares: render.kind === 'stacked100' && (kind === 'area' || kind === 'column' || kind === 'bar'),
    title: render.title ?? undefined,
    dropped: Math.max(0, all.length - seriesMax) + (data.length - limited.length),
  };
}

function topSlices<T extends Record<string, number> & { x: number | string }>(points: T[], series: string | undefined): T[] {
  if (!series) return points;
  return [...points].sort((left, right) => (right[series] ?? 0) - (left[series] ?? 0)).slice(0, seriesMax);
}

function pickX(columns: readonly QueryColumn[], wanted: string | undefined, timed: boolean): number {
  if (wanted) {
    const at = columns.findIndex((column) => column.name === wanted);
    if (at >= 0) return at;
  }
  if (timed) {
    const time = columns.findIndex((column) => column.type === 'datetime');
    if (time >= 0) return time;
  }
  // A category reads better than a number, when there is one.
  const label = columns.findIndex((column) => !numeric.has(column.type));
  return label >= 0 ? label : columns.length > 1 ? 0 : -1;
}

function pickY(columns: readonly QueryColumn[], wanted: readonly string[], xAt: number): number[] {
  const found = wanted.map((name) => columns.findIndex((column) => column.name === name)).filter((at) => at >= 0);
  if (found.length > 0) return found;
  return columns.flatMap((column, at) => (at !== xAt && numeric.has(column.type) ? [at] : []));
}

function pickSplit(columns: readonly QueryColumn[], wanted: readonly string[], xAt: number, kind: ChartKind): number[] {
  const found = wanted.map((name) => columns.findIndex((column) => column.name === name)).filter((at) => at >= 0);
  if (found.length > 0) return found;
  if (kind === 'pie') return [];
  const at = columns.findIndex((column, index) => index !== xAt && column.type === 'string');
  return at >= 0 ? [at] : [];
}

function xValue(value: unknown, x: ChartData['x']): number | string | undefined {
  if (x === 'time') {
    const time = Date.parse(String(value));
    return Number.isNaN(time) ? undefined : time;
  }
  if (x === 'number') return Number(value);
  return value === null || value === undefined || value === '' ? '(empty)' : String(value);
}

/** `x` is the name of the horizontal value. */
function safe(name: string): string {
  return name === 'x' ? 'x ' : name;
}
