/** What was ingested: by table and day, by machine, and by hour. Sizes are those that rows are billed by. */
import { useQuery } from '@tanstack/react-query';
import { runQuery } from './logs';
import { useSession } from './session';

export interface DayUse {
  table: string;
  billable: boolean;
  day: string;
  bytes: number;
  rows: number;
}

export interface MachineUse {
  machine: string;
  bytes: number;
  rows: number;
}

export interface HourUse {
  table: string;
  /** Sent by a machine's agent: the server stamps such rows with the machine. */
  ofAgent: boolean;
  hour: string;
  lastRow: string;
  rows: number;
}

/** Machines that are listed; a page of more says nothing. */
export const machinesMax = 1000;

const byDay = 'union withsource=TableName * | summarize Bytes = sum(_BilledSize), Rows = count() by TableName, _IsBillable, Day = bin(TimeGenerated, 1d)';
const byMachine = `union * | extend Machine = iff(isnotempty(Computer), Computer, DeviceName) | where isnotempty(Machine) and _IsBillable == "true" | summarize Bytes = sum(_BilledSize), Rows = count() by Machine | top ${machinesMax} by Bytes`;
const byHour = 'union withsource=TableName * | summarize Rows = count(), LastRow = max(TimeGenerated) by TableName, OfAgent = _ResourceId has "/machines/", Hour = bin(TimeGenerated, 1h)';

function useAnswer<T>(query: string, timespan: string, read: (row: readonly unknown[]) => T) {
  const session = useSession();
  return useQuery({
    queryKey: ['usage', session.workspaceCustomerId, query, timespan],
    staleTime: 60_000,
    queryFn: async ({ signal }) => ((await runQuery(session, query, timespan, signal)).tables[0]?.rows ?? []).map(read),
  });
}

export function useDailyUse(timespan: string) {
  return useAnswer(byDay, timespan, ([table, billable, day, bytes, rows]): DayUse => ({ table: String(table), billable: billable === 'true', day: String(day).slice(0, 10), bytes: Number(bytes ?? 0), rows: Number(rows) }));
}

export function useMachineUse(timespan: string) {
  return useAnswer(byMachine, timespan, ([machine, bytes, rows]): MachineUse => ({ machine: String(machine), bytes: Number(bytes ?? 0), rows: Number(rows) }));
}

export function useHourlyRows() {
  return useAnswer(byHour, 'P1D', ([table, ofAgent, hour, rows, lastRow]): HourUse => ({ table: String(table), ofAgent: ofAgent === true, hour: String(hour), lastRow: String(lastRow), rows: Number(rows) }));
}
