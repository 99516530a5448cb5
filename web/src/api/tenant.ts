/** What lies above resource groups: management groups and subscriptions. */
import { useQuery } from '@tanstack/react-query';
import { armUrl, listAll, request } from './client';
import { ApiError } from './errors';
import { versions } from './versions';

export interface Subscription {
  id: string;
  subscriptionId: string;
  displayName: string;
  state?: string;
}

/** The subscriptions in which the caller has any role. */
export function useSubscriptions(enabled = true) {
  return useQuery({ queryKey: ['microsoft.resources/subscriptions'], enabled, queryFn: ({ signal }) => listAll<Subscription>(armUrl('/subscriptions', versions.subscriptions), signal) });
}

export interface ManagementGroup {
  id: string;
  name: string;
  type: string;
  properties: { displayName?: string; tenantId?: string; children?: Child[] | null };
}

/** A child in an expanded answer: a management group or a subscription. */
interface Child {
  id: string;
  name: string;
  type: string;
  displayName?: string;
  children?: Child[] | null;
}

/** A node of the tree, in the order in which it is shown. */
export interface TenantNode {
  id: string;
  name: string;
  kind: 'group' | 'subscription';
  text: string;
  depth: number;
}

/** The tree of management groups; `null` when the server has none or the caller may see none. */
export function useManagementGroups() {
  return useQuery({
    queryKey: ['microsoft.management/managementgroups'],
    retry: false,
    queryFn: async ({ signal }): Promise<ManagementGroup[] | null> => {
      const base = '/providers/Microsoft.Management/managementGroups';
      try {
        const all = await listAll<ManagementGroup>(armUrl(base, versions.managementGroups), signal);
        return await Promise.all(all.map((group) => request<ManagementGroup>('GET', armUrl(`${base}/${encodeURIComponent(group.name)}`, versions.managementGroups, { $expand: 'children', $recurse: 'true' }), { signal })));
      } catch (error) {
        // 400 is how a server without the provider answers; 403 is no right to look.
        if (error instanceof ApiError && [400, 403, 404].includes(error.status)) return null;
        throw error;
      }
    },
  });
}

/** The tree flattened: roots first, each followed by what it has. A group under another comes only there. */
export function tenantTree(groups: readonly ManagementGroup[]): TenantNode[] {
  const below = new Set<string>();
  const visit = (children: readonly Child[] | null | undefined) => {
    for (const child of children ?? []) {
      below.add(child.id.toLowerCase());
      visit(child.children);
    }
  };
  for (const group of groups) visit(group.properties.children);
  const flatten = (child: Child, depth: number): TenantNode[] => {
    const kind = /\/managementGroups\//i.test(child.id) ? 'group' : 'subscription';
    const inner = [...(child.children ?? [])].sort((left, right) => textOf(left).localeCompare(textOf(right)));
    return [{ id: child.id, name: child.name, kind, text: textOf(child), depth }, ...inner.flatMap((entry) => flatten(entry, depth + 1))];
  };
  return groups
    .filter((group) => !below.has(group.id.toLowerCase()))
    .flatMap((group) => flatten({ ...group, displayName: group.properties.displayName ?? group.name, children: group.properties.children ?? [] }, 0));
}

function textOf(child: Child): string {
  return child.displayName || child.name;
}
