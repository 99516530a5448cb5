import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { armUrl, listAll, request } from './client';
import { subscriptionScope, useSession } from './session';
import type { Onboarding, OnboardingRequest, Workspace, WorkspaceSetting } from './types';
import { versions } from './versions';

const settingsType = 'microsoft.security/workspacesettings';
const settingsVersion = '2017-08-01-preview';

export function useWorkspaces() {
  const session = useSession();
  return useQuery({
    queryKey: ['microsoft.operationalinsights/workspaces', session.subscriptionId],
    queryFn: ({ signal }) =>
      listAll<Workspace>(
        armUrl(`${subscriptionScope(session)}/providers/Microsoft.OperationalInsights/workspaces`, versions.workspaces),
        signal,
      ),
  });
}

/** The server's workspace, which may lie in another subscription than the one that is looked at. */
export function useDefaultWorkspace() {
  const session = useSession();
  return useQuery({
    queryKey: ['microsoft.operationalinsights/workspaces', session.workspaceId],
    queryFn: ({ signal }) => request<Workspace>('GET', armUrl(session.workspaceId, versions.workspaces), { signal }),
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
