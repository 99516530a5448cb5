/** Sums of what arrived through a door, by hour. */
import type { HourUse } from '@/api/usage';
import type { Door } from './doors';

export interface Arrived {
  rows: number;
  lastRow: string | undefined;
  /** Rows of each of the last 24 hours, oldest first. */
  hours: number[];
}

const hourMs = 3_600_000;
const count = 24;

/** The starts of the last 24 hours as the server writes them, oldest first. */
export function hoursOf(now: Date): string[] {
  const last = Math.floor(now.getTime() / hourMs);
  return Array.from({ length: count }, (_, at) => new Date((last - count + 1 + at) * hourMs).toISOString().slice(0, 13));
}

export function arrived(all: readonly HourUse[], door: Door, hours = hoursOf(new Date())): Arrived {
  return sum(all.filter(door.owns), hours);
}

export function arrivedTables(all: readonly HourUse[], door: Door, hours: readonly string[]): (Arrived & { table: string })[] {
  const own = all.filter(door.owns);
  return [...new Set(own.map((use) => use.table))].map((table) => ({ table, ...sum(own.filter((use) => use.table === table), hours) }));
}

function sum(uses: readonly HourUse[], hours: readonly string[]): Arrived {
  const found: Arrived = { rows: 0, lastRow: undefined, hours: hours.map(() => 0) };
  for (const use of uses) {
    found.rows += use.rows;
    if (!found.lastRow || use.lastRow > found.lastRow) found.lastRow = use.lastRow;
    const at = hours.indexOf(use.hour.slice(0, 13));
    if (at >= 0) found.hours[at] = (found.hours[at] ?? 0) + use.rows;
  }
  return found;
}
