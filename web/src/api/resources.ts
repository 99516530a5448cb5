/** Resource groups, what is in them, and tags. */
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { kqlString } from '@/lib/kql-text';
import { armUrl, listAll, request } from './client';
import { useGraph } from './graph';
import { subscriptionScope, useSession } from './session';
import type { Resource } from './types';
import { versions } from './versions';

export const groupsType = 'microsoft.resources/resourcegroups';

export type ResourceGroup = Resource<{ provisioningState?: string }>;

export function useGroups() {
  const session = useSession();
  return useQuery({
    queryKey: [groupsType, session.subscriptionId],
    queryFn: ({ signal }) => listAll<ResourceGroup>(armUrl(`${subscriptionScope(session)}/resourceGroups`, versions.resources), signal),
  });
}

export function useGroup(id: string) {
  return useQuery({ queryKey: [groupsType, 'one', id.toLowerCase()], queryFn: ({ signal }) => request<ResourceGroup>('GET', armUrl(id, versions.resources), { signal }) });
}

/** How many resources each group has, by name in small letters. */
export function useGroupCounts() {
  const counts = useGraph<{ resourceGroup: string; Resources: number }>('microsoft.hybridcompute/machines', 'resources\n| where countof(type, "/") == 1 and type !startswith "microsoft.securityinsights/"\n| summarize Resources = count() by resourceGroup = tolower(resourceGroup)');
  return counts.data && new Map(counts.data.map((row) => [row.resourceGroup.toLowerCase(), row.Resources]));
}

export function useGroupResources(id: string) {
  return useQuery({
    queryKey: ['microsoft.hybridcompute/machines', 'in', id.toLowerCase()],
    queryFn: ({ signal }) => listAll<Resource<unknown>>(armUrl(`${id}/resources`, versions.resources), signal),
  });
}

export function useCreateGroup() {
  const session = useSession();
  const client = useQueryClient();
  return useMutation({
    mutationFn: ({ name, location, tags }: { name: string; location: string; tags: Record<string, string> }) =>
      request<ResourceGroup>('PUT', armUrl(`${subscriptionScope(session)}/resourceGroups/${encodeURIComponent(name)}`, versions.resources), { body: { location, tags } }),
    onSettled: () => client.invalidateQueries({ queryKey: [groupsType] }),
  });
}

export function useDeleteGroup() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (id: string) => request<undefined>('DELETE', armUrl(id, versions.resources)),
    // What was in it is gone too.
    onSettled: () => client.invalidateQueries(),
  });
}

export function useSaveTags(id: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (tags: Record<string, string>) => request<unknown>('PUT', armUrl(`${id}/providers/Microsoft.Resources/tags/default`, versions.resources), { body: { properties: { tags } } }),
    onSettled: () => client.invalidateQueries(),
  });
}

export interface TagUse {
  TagName: string;
  TagValue: string;
  Resources: number;
}

const tagged = 'union resources, resourcecontainers\n| where isnotempty(tags)';

/** Every tag in use, with how many resources and groups have it. */
export function useTagUse() {
  return useGraph<TagUse>('microsoft.hybridcompute/machines', `${tagged}\n| mv-expand TagName = bag_keys(tags) to typeof(string)\n| extend TagValue = tostring(tags[TagName])\n| summarize Resources = count() by TagName, TagValue`);
}

export interface TaggedResource {
  id: string;
  name: string;
  type: string;
  resourceGroup: string;
}

export function useTagged(name: string, value: string) {
  const query = `${tagged}\n| where tostring(tags[${kqlString(name)}]) == ${kqlString(value)}\n| project id, name, type, resourceGroup`;
  return useGraph<TaggedResource>('microsoft.hybridcompute/machines', query, name !== '');
}
