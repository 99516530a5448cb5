import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { armUrl, listAll, request } from './client';
import { graphRows } from './graph';
import { subscriptionScope, useSession } from './session';
import type { Onboarding, OnboardingRequest, Workspace, WorkspaceSetting } from './types';
import { versions } from './versions';

const workspaceType = 'microsoft.operationalinsights/workspaces';
const settingsType = 'microsoft.security/workspacesettings';
const settingsVersion = '2017-08-01-preview';

/** A workspace of any subscription, as a list of them shows it. */
export interface AnyWorkspace {
  id: string;
  name: string;
  subscriptionId: string;
  resourceGroup: string;
  location: string;
  customerId: string;
  retention: number | null;
  quota: number | null;
}

const anyQuery = `resources
| where type =~ 'microsoft.operationalinsights/workspaces'
| project id, name, subscriptionId, resourceGroup, location, customerId = tostring(properties.customerId),
    retention = tolong(properties.retentionInDays), quota = todouble(properties.workspaceCapping.dailyQuotaGb)
| sort by name asc`;

/** The workspaces of all subscriptions that the reader sees. */
export function useAnyWorkspaces() {
  return useQuery({
    queryKey: [workspaceType, 'all'],
    queryFn: ({ signal }) => graphRows<AnyWorkspace>(undefined, anyQuery, signal),
  });
}

export function useCreateWorkspace() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: ({ group, name, location }: { group: string; name: string; location: string }) =>
      request<Workspace>('PUT', armUrl(`${group}/providers/Microsoft.OperationalInsights/workspaces/${name}`, versions.workspaces), { body: { location } }),
    onSettled: () => client.invalidateQueries({ queryKey: [workspaceType] }),
  });
}

/** A workspace, which may lie in another subscription than the one that is looked at. */
export function useWorkspace(id: string) {
  return useQuery({
    queryKey: [workspaceType, id],
    queryFn: ({ signal }) => request<Workspace>('GET', armUrl(id, versions.workspaces), { signal }),
  });
}

export function useWorkspaceSettings() {
  const session = useSession();
  return useQuery({
    queryKey: [settingsType, session.subscriptionId],
    queryFn: ({ signal }) =>
      listAll<WorkspaceSetting>(
        armUrl(`${subscriptionScope(session)}/providers/Microsoft.Security/workspaceSettings`, settingsVersion),
        signal,
      ),
  });
}

export function useSaveWorkspaceSetting() {
  const session = useSession();
  const client = useQueryClient();
  return useMutation({
    mutationFn: (workspaceId: string) =>
      request<WorkspaceSetting>(
        'PUT',
        armUrl(`${subscriptionScope(session)}/providers/Microsoft.Security/workspaceSettings/default`, settingsVersion),
        { body: { properties: { workspaceId, scope: subscriptionScope(session) } } },
      ),
    onSettled: () => client.invalidateQueries({ queryKey: [settingsType] }),
  });
}

export function useOnboarding() {
  return useMutation({
    mutationFn: (body: OnboardingRequest) => request<Onboarding>('POST', '/portal/v1/onboarding', { body }),
  });
}
