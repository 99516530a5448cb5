/** Locks: what keeps a scope from being deleted or changed, whatever somebody's role. */
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { parseArmId, scopeOf } from '@/lib/arm-id';
import { contains } from '@/lib/scope';
import { armUrl, listAll, request } from './client';
import type { Resource } from './types';
import { versions } from './versions';

const locksType = 'microsoft.authorization/locks';

export type LockLevel = 'CanNotDelete' | 'ReadOnly';

/** A lock with the scope it hangs on. */
export type Lock = Resource<{ level: LockLevel; notes?: string }> & { scope: string };

/** The locks that hold at a scope (its own and those above), and those of what lies below it. */
export function useLocks(scope: string) {
  const { subscriptionId } = parseArmId(scope);
  const at = subscriptionId ? `/subscriptions/${subscriptionId}` : scope;
  return useQuery({
    queryKey: [locksType, at.toLowerCase()],
    queryFn: async ({ signal }) => {
      const found = await listAll<Resource<Lock['properties']>>(armUrl(`${at}/providers/Microsoft.Authorization/locks`, versions.locks), signal);
      return found.map((lock): Lock => ({ ...lock, scope: scopeOf(lock.id) }));
    },
    select: (all) => all.filter((lock) => contains(lock.scope, scope) || contains(scope, lock.scope)),
  });
}

export function useSaveLock(scope: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: ({ name, level, notes }: { name: string; level: LockLevel; notes: string }) =>
      request<unknown>('PUT', armUrl(`${scope}/providers/Microsoft.Authorization/locks/${encodeURIComponent(name)}`, versions.locks), { body: { properties: { level, ...(notes ? { notes } : {}) } } }),
    onSettled: () => client.invalidateQueries({ queryKey: [locksType] }),
  });
}

export function useDeleteLock() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (lock: Lock) => request<undefined>('DELETE', armUrl(lock.id, versions.locks)),
    onSettled: () => client.invalidateQueries({ queryKey: [locksType] }),
  });
}
