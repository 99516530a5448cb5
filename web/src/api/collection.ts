/** Data collection rules: which streams come in and where their rows go. */
import { useQuery } from '@tanstack/react-query';
import { armUrl, listAll } from './client';
import { subscriptionScope, useSession } from './session';
import type { CollectionRule } from './types';
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
