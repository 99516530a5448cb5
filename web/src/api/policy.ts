import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { armUrl, listAll, request } from './client';
import { subscriptionScope, useSession } from './session';
import type { PolicyAssignment, PolicyExemption, PolicyState, Remediation, RemediationDeployment } from './types';
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

/** Whether nothing is left to do: what is exempt counts as compliant, as in Azure. */
export function isCompliant(state: PolicyState): boolean {
  return state.complianceState ? ['compliant', 'exempt'].includes(state.complianceState.toLowerCase()) : state.isCompliant === true;
}

const exemptions = 'microsoft.authorization/policyexemptions';
const remediations = 'microsoft.policyinsights/remediations';
const states = 'microsoft.policyinsights/policystates';

/** Starts an evaluation of everything in the subscription; the answer comes before it has ended. */
export function useEvaluatePolicies() {
  const client = useQueryClient();
  const session = useSession();
  return useMutation({
    mutationFn: () => request<undefined>('POST', armUrl(`${subscriptionScope(session)}/providers/Microsoft.PolicyInsights/policyStates/latest/triggerEvaluation`, versions.policyStates)),
    onSettled: () => client.invalidateQueries({ queryKey: [states] }),
  });
}

export function useExemptions() {
  const session = useSession();
  return useQuery({
    queryKey: [exemptions, session.subscriptionId],
    queryFn: ({ signal }) => listAll<PolicyExemption>(armUrl(`${subscriptionScope(session)}/providers/Microsoft.Authorization/policyExemptions`, versions.policyExemptions), signal),
  });
}

/** Exempts a scope from an assignment. */
export function useExempt(scope: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (properties: PolicyExemption['properties']) =>
      request<PolicyExemption>('PUT', armUrl(`${scope}/providers/Microsoft.Authorization/policyExemptions/${crypto.randomUUID()}`, versions.policyExemptions), { body: { properties } }),
    onSettled: () => Promise.all([exemptions, states].map((key) => client.invalidateQueries({ queryKey: [key] }))),
  });
}

export function useEndExemption() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (exemption: PolicyExemption) => request<undefined>('DELETE', armUrl(exemption.id, versions.policyExemptions)),
    onSettled: () => Promise.all([exemptions, states].map((key) => client.invalidateQueries({ queryKey: [key] }))),
  });
}

export function useRemediations() {
  const session = useSession();
  return useQuery({
    queryKey: [remediations, session.subscriptionId],
    queryFn: ({ signal }) => listAll<Remediation>(armUrl(`${subscriptionScope(session)}/providers/Microsoft.PolicyInsights/remediations`, versions.remediations), signal),
  });
}

/** Whether a remediation has not ended yet. */
export function isRunning({ properties }: Remediation): boolean {
  return !['Succeeded', 'Failed', 'Canceled'].includes(properties.provisioningState);
}

export function useRemediate() {
  const client = useQueryClient();
  const session = useSession();
  return useMutation({
    mutationFn: (properties: { policyAssignmentId: string; resourceDiscoveryMode: string }) =>
      request<Remediation>('PUT', armUrl(`${subscriptionScope(session)}/providers/Microsoft.PolicyInsights/remediations/${crypto.randomUUID()}`, versions.remediations), { body: { properties } }),
    onSettled: () => client.invalidateQueries({ queryKey: [remediations] }),
  });
}

/** Cancels a remediation that runs, removes one that has ended. */
export function useEndRemediation() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (remediation: Remediation) => (isRunning(remediation)
      ? request<unknown>('POST', armUrl(`${remediation.id}/cancel`, versions.remediations))
      : request<unknown>('DELETE', armUrl(remediation.id, versions.remediations))),
    onSettled: () => client.invalidateQueries({ queryKey: [remediations] }),
  });
}

/** What a remediation did, resource by resource. */
export function useRemediationDeployments(remediation: Remediation) {
  return useQuery({
    queryKey: [remediations, remediation.id.toLowerCase(), 'deployments'],
    queryFn: ({ signal }) => listAll<RemediationDeployment>(armUrl(`${remediation.id}/listDeployments`, versions.remediations), signal, 'POST'),
  });
}
