/** What is set up once for everybody who sees the subscription: views of the inventory, targets of coverage. */
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { armUrl, listAll, request } from './client';
import { subscriptionScope, useSession } from './session';
import type { CoverageTargets, InventoryView } from './types';
import { versions } from './versions';

const viewsType = 'bartizan.security/inventoryviews';
const targetsType = 'bartizan.security/coveragetargets';

export function useInventoryViews() {
  const session = useSession();
  return useQuery({
    queryKey: [viewsType, session.subscriptionId],
    queryFn: ({ signal }) => listAll<InventoryView>(armUrl(`${subscriptionScope(session)}/providers/Bartizan.Security/inventoryViews`, versions.features), signal),
  });
}

/** Saves a view; one of the same name is replaced. */
export function useSaveView() {
  const session = useSession();
  const client = useQueryClient();
  return useMutation({
    mutationFn: ({ id, ...properties }: InventoryView['properties'] & { id: string | undefined }) =>
      request<InventoryView>('PUT', armUrl(id ?? `${subscriptionScope(session)}/providers/Bartizan.Security/inventoryViews/${crypto.randomUUID()}`, versions.features), { body: { properties } }),
    onSettled: () => client.invalidateQueries({ queryKey: [viewsType] }),
  });
}

export function useDeleteView() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (view: InventoryView) => request<undefined>('DELETE', armUrl(view.id, versions.features)),
    onSettled: () => client.invalidateQueries({ queryKey: [viewsType] }),
  });
}

const targetsUrl = (scope: string) => armUrl(`${scope}/providers/Bartizan.Security/coverageTargets/default`, versions.features);

export function useCoverageTargets() {
  const session = useSession();
  return useQuery({
    queryKey: [targetsType, session.subscriptionId],
    queryFn: ({ signal }) => request<CoverageTargets>('GET', targetsUrl(subscriptionScope(session)), { signal }),
  });
}

export function useSetCoverageTargets() {
  const session = useSession();
  const client = useQueryClient();
  return useMutation({
    mutationFn: (properties: CoverageTargets['properties']) => request<CoverageTargets>('PUT', targetsUrl(subscriptionScope(session)), { body: { properties } }),
    onSettled: () => client.invalidateQueries({ queryKey: [targetsType] }),
  });
}
