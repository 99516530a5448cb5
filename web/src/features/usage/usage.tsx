/** Sums and columns of the usage page. */
import type { DayUse, MachineUse } from '@/api/usage';
import type { QueryTable } from '@/api/types';
import { paths } from '@/lib/paths';
import { formatCount, formatVolume, percent } from '@/lib/units';
import { AppLink } from '@/ui/AppLink';
import type { Column } from '@/ui/DataTable';

/** Bytes a machine a day that Defender for Servers plan 2 includes. */
export const allowanceBytes = 500e6;

/** The tables it is for. */
export const allowanceTables: ReadonlySet<string> = new Set([
  'ProtectionStatus', 'SecurityAlert', 'SecurityBaseline', 'SecurityBaselineSummary', 'SecurityDetection', 'SecurityEvent', 'SysmonEvent', 'Update', 'UpdateSummary', 'WindowsFirewall',
]);

export interface TableSum {
  table: string;
  billed: number;
  free: number;
  rows: number;
}

export function byTable(daily: readonly DayUse[]): TableSum[] {
  const sums = new Map<string, TableSum>();
  for (const use of daily) {
    const sum = sums.get(use.table) ?? { table: use.table, billed: 0, free: 0, rows: 0 };
    sum.rows += use.rows;
    if (use.billable) sum.billed += use.bytes;
    else sum.free += use.bytes;
    sums.set(use.table, sum);
  }
  return [...sums.values()];
}

/** What is billed, as a table that a chart draws: megabytes by day and table. */
export function dailyTable(daily: readonly DayUse[]): QueryTable {
  const billed = daily.filter((use) => use.billable).sort((left, right) => left.day.localeCompare(right.day));
  return {
    name: 'Daily',
    columns: [{ name: 'Day', type: 'string' }, { name: 'Table', type: 'string' }, { name: 'MB', type: 'real' }],
    rows: billed.map((use) => [use.day, use.table, use.bytes / 1e6]),
  };
}

export function tableColumns(days: number, billed: number): readonly Column<TableSum>[] {
  return [
    { id: 'name', header: 'Table', sort: (row) => row.table, render: (row) => <AppLink strong to={paths.tables({ table: row.table })}>{row.table}</AppLink> },
    { id: 'billed', header: 'Billed', width: '130px', align: 'end', sort: (row) => row.billed, render: (row) => formatVolume(row.billed) },
    { id: 'day', header: 'A day', width: '130px', align: 'end', sort: (row) => row.billed, render: (row) => formatVolume(row.billed / days) },
    { id: 'share', header: 'Share', width: '100px', align: 'end', sort: (row) => row.billed, render: (row) => `${percent(row.billed, billed)} %` },
    { id: 'free', header: 'Free', width: '130px', align: 'end', sort: (row) => row.free, render: (row) => formatVolume(row.free) },
    { id: 'rows', header: 'Rows', width: '130px', align: 'end', sort: (row) => row.rows, render: (row) => formatCount(row.rows) },
  ];
}

export function machineColumns(days: number, billed: number): readonly Column<MachineUse>[] {
  return [
    { id: 'name', header: 'Machine', sort: (row) => row.machine, render: (row) => row.machine },
    { id: 'billed', header: 'Billed', width: '130px', align: 'end', sort: (row) => row.bytes, render: (row) => formatVolume(row.bytes) },
    { id: 'day', header: 'A day', width: '130px', align: 'end', sort: (row) => row.bytes, render: (row) => formatVolume(row.bytes / days) },
    { id: 'share', header: 'Share', width: '100px', align: 'end', sort: (row) => row.bytes, render: (row) => `${percent(row.bytes, billed)} %` },
    { id: 'rows', header: 'Rows', width: '130px', align: 'end', sort: (row) => row.rows, render: (row) => formatCount(row.rows) },
  ];
}
