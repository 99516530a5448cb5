/** Coverage by the value of a tag, against targets. */
import { percent } from './units';

export interface CoverageRow {
  value: string;
  total: number;
  monitored: number;
  /** Whole percent; 100 only when all are. */
  percent: number;
  target: number;
  /** Servers that have to be protected before the target is met. */
  missing: number;
}

/** Production is all or nothing; elsewhere people decide. In small letters. */
export const defaultTargets: Readonly<Record<string, number>> = { production: 100, prod: 100 };
const otherTarget = 80;

export function coverage(machines: readonly { value: string; monitored: boolean }[], targets: Readonly<Record<string, number>>): CoverageRow[] {
  const groups = new Map<string, { value: string; total: number; monitored: number }>();
  for (const { value, monitored } of machines) {
    // Values that differ by case are one environment.
    const key = value.toLowerCase();
    const group = groups.get(key) ?? { value, total: 0, monitored: 0 };
    groups.set(key, { ...group, total: group.total + 1, monitored: group.monitored + Number(monitored) });
  }
  return [...groups.entries()].map(([key, group]) => {
    const target = targets[key] ?? defaultTargets[key] ?? otherTarget;
    return { ...group, percent: percent(group.monitored, group.total), target, missing: Math.max(0, Math.ceil((group.total * target) / 100) - group.monitored) };
  });
}

const storageKey = (subscription: string) => `bartizan-coverage-targets-${subscription}`;

export function readTargets(subscription: string): Record<string, number> {
  try {
    const found: unknown = JSON.parse(localStorage.getItem(storageKey(subscription)) ?? '{}');
    return typeof found === 'object' && found !== null ? Object.fromEntries(Object.entries(found).filter((entry): entry is [string, number] => typeof entry[1] === 'number')) : {};
  } catch {
    return {};
  }
}

export function writeTargets(subscription: string, targets: Readonly<Record<string, number>>): void {
  localStorage.setItem(storageKey(subscription), JSON.stringify(targets));
}
