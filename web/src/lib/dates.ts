/** Dates and durations as people read them. Absolute times are local, with the offset in tooltips. */

export function formatDateTime(value: string | undefined): string {
  const date = parse(value);
  return date
    ? date.toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'short' })
    : '–';
}

export function formatTime(value: string | undefined): string {
  const date = parse(value);
  return date ? date.toLocaleTimeString(undefined, { timeStyle: 'medium' }) : '–';
}

export function formatDay(value: string | undefined): string {
  const date = parse(value);
  return date ? date.toLocaleDateString(undefined, { dateStyle: 'medium' }) : '–';
}

/** "3 minutes ago". Coarse on purpose: the exact time is in the tooltip. */
export function formatAgo(value: string | undefined, now: number = Date.now()): string {
  const date = parse(value);
  if (!date) return '–';
  const seconds = Math.round((now - date.getTime()) / 1000);
  if (Math.abs(seconds) < 45) return 'just now';
  const [amount, unit] = coarse(seconds);
  return new Intl.RelativeTimeFormat('en', { numeric: 'auto' }).format(-amount, unit);
}

/** ISO 8601 durations such as `PT5M` and `P1DT2H`, in words. */
export function formatDuration(iso: string | undefined): string {
  const match = /^P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:([\d.]+)S)?)?$/.exec(iso ?? '');
  if (!match) return iso ?? '–';
  const parts = [plural(match[1], 'day'), plural(match[2], 'hour'), plural(match[3], 'minute'), plural(match[4], 'second')];
  return parts.filter(Boolean).join(' ') || '0 seconds';
}

function plural(amount: string | undefined, unit: string): string {
  if (!amount || Number(amount) === 0) return '';
  return `${Number(amount)} ${unit}${Number(amount) === 1 ? '' : 's'}`;
}

function parse(value: string | undefined): Date | undefined {
  if (!value) return undefined;
  const date = new Date(value);
  return Number.isNaN(date.getTime()) ? undefined : date;
}

function coarse(seconds: number): [number, Intl.RelativeTimeFormatUnit] {
  const size = Math.abs(seconds);
  if (size < 90 * 60) return [Math.round(seconds / 60), 'minute'];
  if (size < 36 * 3600) return [Math.round(seconds / 3600), 'hour'];
  return [Math.round(seconds / 86400), 'day'];
}
