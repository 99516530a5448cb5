/**
 * Live updates. The server says which resource changed; queries carry the lower-case resource type as
 * the first part of their key, so the match is by type. Bursts are collected for a moment, because one
 * plan switch writes dozens of resources.
 */
import type { QueryClient } from '@tanstack/react-query';

export type LiveState = 'connecting' | 'live' | 'lost';

/** Types whose queries read more than the resource itself. */
const dependents: Record<string, string[]> = {
  'microsoft.security/assessments': ['microsoft.security/securescores'],
  'microsoft.security/pricings': ['microsoft.policyinsights/policystates', 'bartizan.security/components'],
  'microsoft.security/settings': ['bartizan.security/components'],
  'microsoft.security/autoprovisioningsettings': ['bartizan.security/components'],
  'microsoft.authorization/policyassignments': ['microsoft.policyinsights/policystates'],
  'microsoft.hybridcompute/machines': ['microsoft.policyinsights/policystates', 'bartizan.security/components'],
  'microsoft.hybridcompute/machines/extensions': ['microsoft.policyinsights/policystates', 'bartizan.security/components'],
  'microsoft.security/securescores/securescorecontrols': ['microsoft.security/securescores'],
  'microsoft.security/locations/alerts': ['microsoft.security/alerts'],
  'microsoft.securityinsights/incidents/comments': ['microsoft.securityinsights/incidents'],
  'microsoft.securityinsights/incidents/relations': ['microsoft.securityinsights/incidents'],
};

/** The first key parts to refresh when a resource of `type` changed. */
export function affectedKeys(type: string): string[] {
  const key = type.toLowerCase();
  return [key, ...(dependents[key] ?? [])];
}

const collectMs = 400;

export function listenForChanges(client: QueryClient, onState: (state: LiveState) => void): () => void {
  const pending = new Set<string>();
  let timer: ReturnType<typeof setTimeout> | undefined;

  const flush = () => {
    timer = undefined;
    const keys = new Set(pending);
    pending.clear();
    void client.invalidateQueries({ predicate: (query) => keys.has(String(query.queryKey[0])) });
  };
  const note = (keys: string[]) => {
    for (const key of keys) pending.add(key);
    timer ??= setTimeout(flush, collectMs);
  };

  const source = new EventSource('/portal/v1/events');
  let lost = false;
  source.addEventListener('open', () => {
    onState('live');
    // Changes made while the stream was down were never told.
    if (lost) void client.invalidateQueries();
    lost = false;
  });
  source.addEventListener('error', () => {
    lost = true;
    onState('lost');
  });
  source.addEventListener('resource', (event) => {
    const type = field(event, 'type');
    if (type) note(affectedKeys(type));
  });
  source.addEventListener('rows', (event) => {
    const table = field(event, 'table');
    if (table) note([`rows:${table.toLowerCase()}`]);
  });
  return () => {
    if (timer) clearTimeout(timer);
    source.close();
  };
}

function field(event: Event, name: string): string | undefined {
  try {
    const data: unknown = JSON.parse(String((event as MessageEvent).data));
    const value = typeof data === 'object' && data !== null ? (data as Record<string, unknown>)[name] : undefined;
    return typeof value === 'string' ? value : undefined;
  } catch {
    return undefined;
  }
}
