/** Tables of the workspace: what they hold, how long rows are kept, and what is in them. */
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { armUrl, listAll, request } from './client';
import { runQuery } from './logs';
import { useSession } from './session';
import type { WorkspaceTable } from './types';
import { versions } from './versions';

const tablesType = 'microsoft.operationalinsights/workspaces/tables';

export function useTables() {
  const session = useSession();
  return useQuery({
    queryKey: [tablesType, session.workspaceId],
    queryFn: ({ signal }) => listAll<WorkspaceTable>(armUrl(`${session.workspaceId}/tables`, versions.tables), signal),
  });
}

export function useSaveTable() {
  const session = useSession();
  const client = useQueryClient();
  return useMutation({
    mutationFn: ({ name, properties }: { name: string; properties: object }) =>
      request<WorkspaceTable>('PUT', armUrl(`${session.workspaceId}/tables/${encodeURIComponent(name)}`, versions.tables), { body: { properties } }),
    // The editor completes tables' names.
    onSettled: () => Promise.all([client.invalidateQueries({ queryKey: [tablesType] }), client.invalidateQueries({ queryKey: ['metadata'] })]),
  });
}

/** The columns of a table, whoever made it. */
export function columnsOf(table: WorkspaceTable): readonly { name: string; type: string; description?: string }[] {
  return table.properties.schema.columns ?? table.properties.schema.standardColumns ?? [];
}

export function isCustom(table: WorkspaceTable): boolean {
  return table.properties.schema.tableType === 'CustomLog';
}

/** What one table has received. */
export interface TableUse {
  rows: number;
  bytes: number;
  lastRow: string | undefined;
}

const useQueryText = 'union withsource=TableName * | summarize Rows = count(), Bytes = sum(_BilledSize), LastRow = max(TimeGenerated) by TableName';

/** By table, over `timespan`; a table without rows in it is absent. */
export function useTableUse(timespan: string) {
  const session = useSession();
  return useQuery({
    queryKey: ['table-use', session.workspaceCustomerId, timespan],
    staleTime: 60_000,
    queryFn: async ({ signal }) => {
      const answer = await runQuery(session, useQueryText, timespan, signal);
      return new Map((answer.tables[0]?.rows ?? []).map(([name, rows, bytes, last]): [string, TableUse] => [String(name), { rows: Number(rows), bytes: Number(bytes ?? 0), lastRow: last ? String(last) : undefined }]));
    },
  });
}
