import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { armUrl, listAll, request } from './client';
import { subscriptionScope, useSession } from './session';
import type { PolicyAssignment, PolicyExemption, PolicyState, Remediation, RemediationDeployment } from './types';
import { versions } from './versions';

const states = 'microsoft.policyinsights/policystates';

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

/** How many resources there are under something, and for how many of them nothing is left to do. */
export interface Compliance {
  total: number;
  compliant: number;
}

export interface PolicySummary {
  machines: Compliance;
  /** Per assignment, by its id in lower case; one that was not evaluated yet is not there. */
  assignments: Map<string, Compliance & { effects: readonly string[] }>;
  /** Resources that do not comply with something. */
  failing: number;
}

interface Results { resourceDetails: { complianceState: string; count: number }[]; nonCompliantResources: number }
interface Summary { value: { results: Results; policyAssignments: { policyAssignmentId: string; results: Results; policyDefinitions: { effect: string }[] }[] }[] }

/** What is exempt counts as compliant, as in Azure. */
function complianceOf({ resourceDetails }: Results): Compliance {
  const total = resourceDetails.reduce((sum, { count }) => sum + count, 0);
  const done = resourceDetails.filter(({ complianceState }) => ['compliant', 'exempt'].includes(complianceState.toLowerCase()));
  return { total, compliant: done.reduce((sum, { count }) => sum + count, 0) };
}

// States follow from other resources and have no change event of their own.
const soon = 3000;
const later = 30_000;

/** Compliance, counted by the server: there are several states of each of many thousand resources. */
export function usePolicySummary() {
  const session = useSession();
  const url = (filter?: string) => armUrl(`${subscriptionScope(session)}/providers/Microsoft.PolicyInsights/policyStates/latest/summarize`, versions.policyStates, filter ? { $filter: filter } : {});
  return useQuery({
    queryKey: [states, session.subscriptionId, 'summary'],
    queryFn: async ({ signal }): Promise<PolicySummary> => {
      const [all, machines] = await Promise.all([
        request<Summary>('POST', url(), { signal }),
        request<Summary>('POST', url("resourceType eq 'Microsoft.HybridCompute/machines'"), { signal }),
      ]);
      const [whole, own] = [all.value[0], machines.value[0]];
      const assignments = (whole?.policyAssignments ?? []).map(({ policyAssignmentId, results, policyDefinitions }) =>
        [policyAssignmentId.toLowerCase(), { ...complianceOf(results), effects: [...new Set(policyDefinitions.map(({ effect }) => effect.toLowerCase()))] }] as const);
      return { machines: own ? complianceOf(own.results) : { total: 0, compliant: 0 }, assignments: new Map(assignments), failing: whole?.results.nonCompliantResources ?? 0 };
    },
    refetchInterval: ({ state: { data } }) => (data && data.failing > 0 ? soon : later),
  });
}

/** As many states as one answer has. */
export const statesMax = 1000;

/** The first states that do not comply. */
export function useFailingStates() {
  const session = useSession();
  return useQuery({
    queryKey: [states, session.subscriptionId, 'failing'],
    queryFn: async ({ signal }) => {
      const url = armUrl(`${subscriptionScope(session)}/providers/Microsoft.PolicyInsights/policyStates/latest/queryResults`, versions.policyStates, { $filter: "complianceState eq 'NonCompliant'", $top: String(statesMax) });
      return (await request<{ value: PolicyState[] }>('POST', url, { signal })).value;
    },
    refetchInterval: ({ state: { data } }) => (data && data.length > 0 ? soon : later),
  });
}

const exemptions = 'microsoft.authorization/policyexemptions';
const remediations = 'microsoft.policyinsights/remediations';

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
