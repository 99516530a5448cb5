/** Data collection rules: which streams come in and where their rows go. */
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { armUrl, listAll, request } from './client';
import { subscriptionScope, useSession } from './session';
import type { CollectionRule, RuleAssociation, TransformPreview } from './types';
import { versions } from './versions';

const rulesType = 'microsoft.insights/datacollectionrules';

export function useCollectionRules() {
  const session = useSession();
  return useQuery({
    queryKey: [rulesType, session.subscriptionId],
    queryFn: ({ signal }) => listAll<CollectionRule>(armUrl(`${subscriptionScope(session)}/providers/Microsoft.Insights/dataCollectionRules`, versions.collectionRules), signal),
  });
}

/** The rule that the server made at its first start; it takes every table. */
export function useDefaultRule() {
  const rules = useCollectionRules();
  return { ...rules, data: rules.data?.find((rule) => rule.name === 'bartizan-default') ?? rules.data?.[0] };
}

export function useSaveRule() {
  const session = useSession();
  const client = useQueryClient();
  return useMutation({
    mutationFn: ({ name, etag, properties }: { name: string; etag?: string | undefined; properties: CollectionRule['properties'] }) =>
      request<CollectionRule>('PUT', armUrl(`${subscriptionScope(session)}/resourceGroups/${session.resourceGroup}/providers/Microsoft.Insights/dataCollectionRules/${encodeURIComponent(name)}`, versions.collectionRules), {
        body: { location: session.location ?? 'local', properties },
        headers: etag ? { 'if-match': etag } : {},
      }),
    // A rule makes the table that it fills.
    onSettled: () => Promise.all([rulesType, 'microsoft.operationalinsights/workspaces/tables', 'metadata'].map((key) => client.invalidateQueries({ queryKey: [key] }))),
  });
}

export function useDeleteRule() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (rule: CollectionRule) => request<undefined>('DELETE', armUrl(rule.id, versions.collectionRules)),
    onSettled: () => client.invalidateQueries({ queryKey: [rulesType] }),
  });
}

const associationsType = 'microsoft.insights/datacollectionruleassociations';

/** The machines that follow a rule. */
export function useAssociations(ruleId: string) {
  return useQuery({
    queryKey: [associationsType, ruleId.toLowerCase()],
    queryFn: ({ signal }) => listAll<RuleAssociation>(armUrl(`${ruleId}/associations`, versions.collectionRules), signal),
  });
}

/** Lets a machine follow a rule; its monitor collects what the rule says from then on. */
export function useAssociate() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: ({ rule, machineId }: { rule: CollectionRule; machineId: string }) =>
      request<RuleAssociation>('PUT', armUrl(`${machineId}/providers/Microsoft.Insights/dataCollectionRuleAssociations/${encodeURIComponent(rule.name)}`, versions.collectionRules), { body: { properties: { dataCollectionRuleId: rule.id } } }),
    onSettled: () => client.invalidateQueries({ queryKey: [associationsType] }),
  });
}

export function useDissociate() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (association: RuleAssociation) => request<undefined>('DELETE', armUrl(association.id, versions.collectionRules)),
    onSettled: () => client.invalidateQueries({ queryKey: [associationsType] }),
  });
}

/** Rows to try a transformation on: a table's newest ones, or some that are given with their columns. */
export type PreviewSource = { table: string; count: number } | { columns: { name: string; type: string }[]; rows: Record<string, unknown>[] };

export function usePreview() {
  return useMutation({
    mutationFn: ({ transformKql, source }: { transformKql: string; source: PreviewSource }) => request<TransformPreview>('POST', '/portal/v1/transform/preview', { body: { transformKql, ...source } }),
  });
}
