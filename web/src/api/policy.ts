import { useQuery } from '@tanstack/react-query';
import { armUrl, listAll } from './client';
import { subscriptionScope, useSession } from './session';
import type { PolicyAssignment, PolicyState } from './types';
import { versions } from './versions';

export function usePolicyAssignments() {
  const session = useSession();
  return useQuery({
    queryKey: ['microsoft.authorization/policyassignments', session.subscriptionId],
    queryFn: ({ signal }) =>
      listAll<PolicyAssignment>(
        armUrl(`${subscriptionScope(session)}/providers/Microsoft.Authorization/policyAssignments`, versions.policyAssignments),
        signal,
      ),
  });
}

/** The latest compliance state of every resource under every assignment. */
export function usePolicyStates() {
  const session = useSession();
  return useQuery({
    queryKey: ['microsoft.policyinsights/policystates', session.subscriptionId],
    queryFn: ({ signal }) =>
      listAll<PolicyState>(
        armUrl(
          `${subscriptionScope(session)}/providers/Microsoft.PolicyInsights/policyStates/latest/queryResults`,
          versions.policyStates,
        ),
        signal,
        'POST',
      ),
    // States follow from other resources and have no change event of their own.
    refetchInterval: (query) => (query.state.data?.some((state) => !isCompliant(state)) ? 3000 : 30_000),
  });
}

export function isCompliant(state: PolicyState): boolean {
  return state.complianceState ? state.complianceState.toLowerCase() === 'compliant' : state.isCompliant === true;
}
