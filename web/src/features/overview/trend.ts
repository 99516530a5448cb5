import { formatAgo } from '@/lib/dates';

/** How the score moved since the oldest value of the week, in words. */
export function trendText(now: number, earlier: { time: string; percent: number } | undefined): string {
  if (!earlier) return 'No earlier score to compare with yet';
  const change = Math.round(now - earlier.percent);
  const since = formatAgo(earlier.time);
  if (since === 'just now') return 'First measured just now';
  if (change === 0) return `Unchanged since ${since}`;
  return `${change > 0 ? 'Up' : 'Down'} ${Math.abs(change)}% since ${since}`;
}
