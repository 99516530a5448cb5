/** The time range of a query, as it stands in the address and as the query API takes it. */

export type TimeRange =
  | { kind: 'preset'; key: string }
  | { kind: 'query' }
  | { kind: 'custom'; start: string; end: string };

export const presets: readonly { key: string; label: string; iso: string }[] = [
  { key: '30m', label: 'Last 30 minutes', iso: 'PT30M' },
  { key: '1h', label: 'Last hour', iso: 'PT1H' },
  { key: '4h', label: 'Last 4 hours', iso: 'PT4H' },
  { key: '12h', label: 'Last 12 hours', iso: 'PT12H' },
  { key: '24h', label: 'Last 24 hours', iso: 'P1D' },
  { key: '48h', label: 'Last 48 hours', iso: 'P2D' },
  { key: '3d', label: 'Last 3 days', iso: 'P3D' },
  { key: '7d', label: 'Last 7 days', iso: 'P7D' },
  { key: '30d', label: 'Last 30 days', iso: 'P30D' },
];

export const defaultRange: TimeRange = { kind: 'preset', key: '24h' };

export function parseRange(text: string | null): TimeRange {
  if (text === 'query') return { kind: 'query' };
  if (text && presets.some((preset) => preset.key === text)) return { kind: 'preset', key: text };
  const [start, end] = (text ?? '').split('/');
  if (start && end && isInstant(start) && isInstant(end) && Date.parse(start) < Date.parse(end)) {
    return { kind: 'custom', start, end };
  }
  return defaultRange;
}

export function formatRange(range: TimeRange): string {
  switch (range.kind) {
    case 'preset':
      return range.key;
    case 'query':
      return 'query';
    case 'custom':
      return `${range.start}/${range.end}`;
  }
}

/** `timespan` of the query API; absent when the query itself says the time. */
export function toTimespan(range: TimeRange): string | undefined {
  switch (range.kind) {
    case 'preset':
      return presets.find((preset) => preset.key === range.key)?.iso;
    case 'query':
      return undefined;
    case 'custom':
      return `${range.start}/${range.end}`;
  }
}

export function rangeLabel(range: TimeRange): string {
  switch (range.kind) {
    case 'preset':
      return presets.find((preset) => preset.key === range.key)?.label ?? range.key;
    case 'query':
      return 'Set in query';
    case 'custom':
      return `${shortInstant(range.start)} – ${shortInstant(range.end)}`;
  }
}

function isInstant(text: string): boolean {
  return /^\d{4}-\d{2}-\d{2}T/.test(text) && !Number.isNaN(Date.parse(text));
}

function shortInstant(text: string): string {
  return new Date(text).toISOString().slice(0, 16).replace('T', ' ');
}

/**
 * Whether a query limits the time itself, by comparing its time column: then the range beside it does not apply,
 * as in the portals that people know.
 */
export function setsTime(query: string): boolean {
  const code = query
    .replace(/\/\/.*$/gm, '')
    .replace(/@"[^"]*"|@'[^']*'|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'/g, '""');
  return code.split('|').some((step) => /^\s*(where|filter)\b/.test(step) && /\b(TimeGenerated|Timestamp)\s*(>|<|==|between|!between|in\b)|[<>]=?\s*(TimeGenerated|Timestamp)\b/.test(step));
}
