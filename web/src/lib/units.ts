/** Numbers as people read them. */

export function formatCount(value: number): string {
  return value.toLocaleString('en');
}

export function countOf(value: number, noun: string, plural: string = `${noun}s`): string {
  return `${formatCount(value)} ${value === 1 ? noun : plural}`;
}

/** Points of the secure score: at most two decimals, none when whole. */
export function formatPoints(value: number): string {
  return Number(value.toFixed(2)).toString();
}

/** `part` of `whole` in percent, rounded so that 0 and 100 mean exactly none and all. */
export function percent(part: number, whole: number): number {
  if (whole <= 0) return 0;
  const value = (part / whole) * 100;
  if (value > 0 && value < 1) return 1;
  if (value > 99 && value < 100) return 99;
  return Math.round(value);
}

export function formatBytes(bytes: number): string {
  const units = ['B', 'KB', 'MB', 'GB', 'TB'];
  let at = 0;
  let value = bytes;
  while (value >= 1024 && at < units.length - 1) {
    value /= 1024;
    at += 1;
  }
  return `${value >= 10 || at === 0 ? Math.round(value) : value.toFixed(1)} ${units[at]}`;
}

/** A volume of log data: billing counts a gigabyte as 10^9 bytes. */
export function formatVolume(bytes: number): string {
  const units = ['B', 'KB', 'MB', 'GB', 'TB'];
  let at = 0;
  let value = bytes;
  while (value >= 1000 && at < units.length - 1) {
    value /= 1000;
    at += 1;
  }
  return `${value >= 100 || at === 0 ? Math.round(value) : value.toFixed(value >= 10 ? 1 : 2)} ${units[at]}`;
}
