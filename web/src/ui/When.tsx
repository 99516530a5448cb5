import { formatAgo, formatDateTime } from '@/lib/dates';

/** A moment: how long ago, the exact time on hover. */
export function When({ at }: { at: string | undefined }) {
  if (!at) return <span>–</span>;
  return <time dateTime={at} title={formatDateTime(at)}>{formatAgo(at)}</time>;
}
