import { useQuery } from '@tanstack/react-query';
import { request } from './client';
import { useSession } from './session';
import type { Metadata, QueryAnswer, QueryCheck, Session } from './types';

/** Tables and functions of the workspace. */
export function useMetadata() {
  const session = useSession();
  return useQuery({
    queryKey: ['metadata', session.workspaceCustomerId],
    staleTime: 5 * 60_000,
    queryFn: ({ signal }) =>
      request<Metadata>('GET', `/v1/workspaces/${session.workspaceCustomerId}/metadata`, { signal }),
  });
}

export function runQuery(
  session: Session,
  query: string,
  timespan: string | undefined,
  signal?: AbortSignal,
): Promise<QueryAnswer> {
  return request<QueryAnswer>('POST', `/v1/workspaces/${session.workspaceCustomerId}/query`, {
    body: { query, ...(timespan ? { timespan } : {}) },
    headers: { prefer: 'wait=180, include-render=true, include-statistics=true' },
    ...(signal ? { signal } : {}),
  });
}

export function checkQuery(session: Session, query: string, signal?: AbortSignal): Promise<QueryCheck> {
  return request<QueryCheck>('POST', '/portal/v1/query/check', {
    body: { workspace: session.workspaceCustomerId, query },
    ...(signal ? { signal } : {}),
  });
}

/** A query that a card shows, refreshed when rows of `table` arrive. */
export function useRows(table: string, query: string, timespan: string) {
  const session = useSession();
  return useQuery({
    queryKey: [`rows:${table.toLowerCase()}`, query, timespan],
    retry: false,
    queryFn: async ({ signal }) => (await runQuery(session, query, timespan, signal)).tables[0] ?? null,
  });
}
