import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { armUrl, listAll, request } from './client';
import { sentinelScope, useSession } from './session';
import type { AlertRule } from './types';
import { versions } from './versions';

const rulesType = 'microsoft.securityinsights/alertrules';

export function useAlertRules() {
  const session = useSession();
  return useQuery({
    queryKey: [rulesType, session.workspaceId],
    queryFn: ({ signal }) =>
      listAll<AlertRule>(armUrl(`${sentinelScope(session)}/alertRules`, versions.sentinel), signal),
  });
}

export function useEnableRule() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: ({ rule, enabled }: { rule: AlertRule; enabled: boolean }) =>
      request<AlertRule>('PUT', armUrl(rule.id, versions.sentinel), {
        body: { kind: rule.kind, properties: { ...rule.properties, enabled }, ...(rule.etag ? { etag: rule.etag } : {}) },
        headers: rule.etag ? { 'if-match': rule.etag } : {},
      }),
    onSettled: () => client.invalidateQueries({ queryKey: [rulesType] }),
  });
}
