import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { armUrl, listAll, request, type ArmPage } from './client';
import { sentinelScope, useSession } from './session';
import type { EntitiesAnswer, Incident, IncidentComment, IncidentProperties, SecurityAlert } from './types';
import { versions } from './versions';

const incidentsType = 'microsoft.securityinsights/incidents';

export function useIncidents() {
  const session = useSession();
  return useQuery({
    queryKey: [incidentsType, session.workspaceId],
    queryFn: ({ signal }) =>
      listAll<Incident>(armUrl(`${sentinelScope(session)}/incidents`, versions.sentinel), signal),
  });
}

export function useIncident(name: string) {
  const id = useIncidentId(name);
  return useQuery({
    queryKey: [incidentsType, 'one', id],
    queryFn: ({ signal }) => request<Incident>('GET', armUrl(id, versions.sentinel), { signal }),
  });
}

export function useIncidentAlerts(name: string) {
  const id = useIncidentId(name);
  return useQuery({
    queryKey: [incidentsType, 'alerts', id],
    queryFn: async ({ signal }) =>
      (await request<ArmPage<SecurityAlert>>('POST', armUrl(`${id}/alerts`, versions.sentinel), { signal })).value ?? [],
  });
}

export function useIncidentEntities(name: string) {
  const id = useIncidentId(name);
  return useQuery({
    queryKey: [incidentsType, 'entities', id],
    queryFn: async ({ signal }) =>
      (await request<EntitiesAnswer>('POST', armUrl(`${id}/entities`, versions.sentinel), { signal })).entities ?? [],
  });
}

export function useIncidentComments(name: string) {
  const id = useIncidentId(name);
  return useQuery({
    queryKey: [incidentsType, 'comments', id],
    queryFn: ({ signal }) => listAll<IncidentComment>(armUrl(`${id}/comments`, versions.sentinel), signal),
  });
}

/**
 * Changes an incident. A PUT replaces all properties, so the change is laid over what was last read, and
 * the etag makes the server refuse when someone else was faster.
 */
export function useUpdateIncident() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: ({ incident, change }: { incident: Incident; change: Partial<IncidentProperties> }) => {
      const body = { properties: { ...incident.properties, ...change }, ...(incident.etag ? { etag: incident.etag } : {}) };
      const headers: Record<string, string> = incident.etag ? { 'if-match': incident.etag } : {};
      return request<Incident>('PUT', armUrl(incident.id, versions.sentinel), { body, headers });
    },
    onSuccess: (updated) => client.setQueryData([incidentsType, 'one', updated.id], updated),
    onSettled: () => client.invalidateQueries({ queryKey: [incidentsType] }),
  });
}

export function useAddComment(name: string) {
  const id = useIncidentId(name);
  const client = useQueryClient();
  return useMutation({
    mutationFn: (message: string) =>
      request<IncidentComment>('PUT', armUrl(`${id}/comments/${crypto.randomUUID()}`, versions.sentinel), {
        body: { properties: { message } },
      }),
    onSettled: () => client.invalidateQueries({ queryKey: [incidentsType] }),
  });
}

function useIncidentId(name: string): string {
  return `${sentinelScope(useSession())}/incidents/${name}`;
}
