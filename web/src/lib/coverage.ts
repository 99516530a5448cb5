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

export function coverage(machines: readonly { value: string; monitored: boolean }[], targets: Readonly<Record<string, number>>, otherwise: number): CoverageRow[] {
  const groups = new Map<string, { value: string; total: number; monitored: number }>();
  for (const { value, monitored } of machines) {
    // Values that differ by case are one environment.
    const key = value.toLowerCase();
    const group = groups.get(key) ?? { value, total: 0, monitored: 0 };
    groups.set(key, { ...group, total: group.total + 1, monitored: group.monitored + Number(monitored) });
  }
  return [...groups.entries()].map(([key, group]) => {
    const target = targets[key] ?? otherwise;
    return { ...group, percent: percent(group.monitored, group.total), target, missing: Math.max(0, Math.ceil((group.total * target) / 100) - group.monitored) };
  });
}
