import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { armUrl, listAll, request } from './client';
import { subscriptionScope, useSession } from './session';
import type { Pricing } from './types';
import { versions } from './versions';

const pricingsType = 'microsoft.security/pricings';

export function usePlans() {
  const session = useSession();
  return useQuery({
    queryKey: [pricingsType, session.subscriptionId],
    queryFn: ({ signal }) =>
      listAll<Pricing>(armUrl(`${subscriptionScope(session)}/providers/Microsoft.Security/pricings`, versions.pricings), signal),
  });
}

export interface PlanChange {
  name: string;
  pricingTier: 'Free' | 'Standard';
  subPlan?: string;
}

export function useSavePlans() {
  const session = useSession();
  const client = useQueryClient();
  return useMutation({
    mutationFn: async (changes: readonly PlanChange[]) => {
      for (const { name, ...properties } of changes) {
        const url = armUrl(`${subscriptionScope(session)}/providers/Microsoft.Security/pricings/${name}`, versions.pricings);
        await request<Pricing>('PUT', url, { body: { properties } });
      }
    },
    onSettled: () => client.invalidateQueries({ queryKey: [pricingsType] }),
  });
}

export const serversPlan = 'VirtualMachines';

/** The Servers plan; undefined while plans are not loaded. */
export function serversPlanOf(plans: readonly Pricing[] | undefined): Pricing | undefined {
  return plans?.find((plan) => plan.name === serversPlan);
}

export function isOn(plan: Pricing | undefined): boolean {
  return plan?.properties.pricingTier === 'Standard';
}
