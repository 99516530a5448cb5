/** Resource Graph: KQL over the resources that the caller may read. */
import { useQuery } from '@tanstack/react-query';
import { request } from './client';
import { subscriptionScope, useSession } from './session';
import type { Session } from './types';
import { versions } from './versions';

interface GraphAnswer<T> {
  totalRecords: number;
  data: T[];
  $skipToken?: string;
}

/** The most that one answer holds. */
const page = 1000;

/** All rows of a query, page after page: of the subscription that is looked at, or of all without a session. */
export async function graphRows<T>(session: Session | undefined, query: string, signal?: AbortSignal): Promise<T[]> {
  const rows: T[] = [];
  let token: string | undefined;
  do {
    const body = { ...(session ? { subscriptions: [session.subscriptionId] } : {}), query, options: { $top: page, resultFormat: 'objectArray', ...(token ? { $skipToken: token } : {}) } };
    const answer: GraphAnswer<T> = await request('POST', `/providers/Microsoft.ResourceGraph/resources?api-version=${versions.resourceGraph}`, { body, ...(signal ? { signal } : {}) });
    rows.push(...answer.data);
    token = answer.$skipToken;
  } while (token);
  return rows;
}

/** A query that a page shows; `type` is the resource type whose changes make it stale. */
export function useGraph<T>(type: string, query: string, enabled = true) {
  const session = useSession();
  return useQuery({ queryKey: [type, 'graph', subscriptionScope(session), query], enabled, queryFn: ({ signal }) => graphRows<T>(session, query, signal) });
}
