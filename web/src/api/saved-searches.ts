/** Queries and functions that are saved in the workspace, for everyone who may read it. */
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { armUrl, listAll, request } from './client';
import { useSession } from './session';
import type { SavedSearch } from './types';
import { versions } from './versions';

const savedType = 'microsoft.operationalinsights/workspaces/savedsearches';

export function useSavedSearches() {
  const session = useSession();
  return useQuery({
    queryKey: [savedType, session.workspaceId],
    queryFn: ({ signal }) => listAll<SavedSearch>(armUrl(`${session.workspaceId}/savedSearches`, versions.savedSearches), signal),
  });
}

export function useSaveSearch() {
  const session = useSession();
  const client = useQueryClient();
  return useMutation({
    mutationFn: ({ name, properties }: Pick<SavedSearch, 'name' | 'properties'>) =>
      request<SavedSearch>('PUT', armUrl(`${session.workspaceId}/savedSearches/${name}`, versions.savedSearches), { body: { properties } }),
    onSettled: () => refresh(client),
  });
}

export function useDeleteSearch() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (saved: SavedSearch) => request<undefined>('DELETE', armUrl(saved.id, versions.savedSearches)),
    onSettled: () => refresh(client),
  });
}

/** Functions are names that the editor knows. */
async function refresh(client: ReturnType<typeof useQueryClient>): Promise<void> {
  await Promise.all([client.invalidateQueries({ queryKey: [savedType] }), client.invalidateQueries({ queryKey: ['metadata'] })]);
}
