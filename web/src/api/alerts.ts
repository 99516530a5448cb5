import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { armUrl, listAll, request } from './client';
import { subscriptionScope, useSession } from './session';
import type { Alert } from './types';
import { versions } from './versions';

const alertsType = 'microsoft.security/alerts';

export function useAlerts() {
  const session = useSession();
  return useQuery({
    queryKey: [alertsType, session.subscriptionId],
    queryFn: ({ signal }) =>
      listAll<Alert>(armUrl(`${subscriptionScope(session)}/providers/Microsoft.Security/alerts`, versions.alerts), signal),
  });
}

export type AlertAction = 'activate' | 'inProgress' | 'resolve' | 'dismiss';

export function useAlertAction() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: ({ alert, action }: { alert: Alert; action: AlertAction }) =>
      request<void>('POST', armUrl(`${alert.id}/${action}`, versions.alerts)),
    onSettled: () => client.invalidateQueries({ queryKey: [alertsType] }),
  });
}

export function isOpenAlert(alert: Alert): boolean {
  return alert.properties.status === 'Active' || alert.properties.status === 'InProgress';
}
