import { queryOptions, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useMemo } from 'react';
import { isMachineId, sameId, scopeOf } from '@/lib/arm-id';
import { armUrl, listAll, request } from './client';
import { tierPartsOf, type TierParts } from './monitoring';
import { subscriptionScope, useSession } from './session';
import type { PlanFeature, Pricing, Session } from './types';
import { versions } from './versions';

const pricingsType = 'microsoft.security/pricings';

function pricingsQuery(session: Session) {
  return queryOptions({
    queryKey: [pricingsType, session.subscriptionId],
    queryFn: ({ signal }) =>
      listAll<Pricing>(armUrl(`${subscriptionScope(session)}/providers/Microsoft.Security/pricings`, versions.pricings), signal),
  });
}

/** The subscription's plans. The list has the settings of single machines too; these are apart. */
export function usePlans() {
  const session = useSession();
  return useQuery({ ...pricingsQuery(session), select: (all) => all.filter((plan) => sameId(scopeOf(plan.id), subscriptionScope(session))) });
}

/** Plans that were set for one machine, by its id in small letters. */
export function usePlanOverrides(): Map<string, Pricing> | undefined {
  const session = useSession();
  return useQuery({
    ...pricingsQuery(session),
    select: (all) => new Map(all.filter((plan) => plan.name === serversPlan && isMachineId(scopeOf(plan.id))).map((plan) => [scopeOf(plan.id).toLowerCase(), plan])),
  }).data;
}

export interface PlanChange {
  name: string;
  pricingTier: 'Free' | 'Standard';
  subPlan?: string;
  extensions?: { name: string; isEnabled: string }[];
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

/** What the plans include, for a machine or for the subscription as a whole. */
export function useFeatures(scope: string) {
  return useQuery({
    queryKey: [pricingsType, 'features', scope.toLowerCase()],
    queryFn: ({ signal }) => listAll<PlanFeature>(armUrl(`${scope}/providers/Bartizan.Security/features`, versions.features), signal),
  });
}

/** What each Servers tier brings; undefined while it is loaded. */
export function useTierParts(): TierParts | undefined {
  const features = useFeatures(subscriptionScope(useSession())).data;
  return useMemo(() => features && tierPartsOf(features), [features]);
}

/** Gives a machine a Servers plan of its own, or takes it away. */
export function useSetMachinePlan(machine: string) {
  const client = useQueryClient();
  const url = armUrl(`${machine}/providers/Microsoft.Security/pricings/${serversPlan}`, versions.pricings);
  return useMutation({
    mutationFn: async (choice: 'inherited' | 'Free' | 'P1') => {
      if (choice === 'inherited') return void (await request('DELETE', url));
      const properties = choice === 'Free' ? { pricingTier: 'Free' } : { pricingTier: 'Standard', subPlan: choice };
      await request<Pricing>('PUT', url, { body: { properties } });
    },
    onSettled: () => client.invalidateQueries({ queryKey: [pricingsType] }),
  });
}

export const serversPlan = 'VirtualMachines';

/** The Servers plan; undefined while plans are not loaded. */
export function serversPlanOf(plans: readonly Pricing[] | undefined): Pricing | undefined {
  return plans?.find((plan) => plan.name === serversPlan);
}

/** How many of the plans that can be turned on are; others are listed for what they would be. */
export function plansOn(plans: readonly Pricing[]): string {
  const here = plans.filter((plan) => plan.properties.protection?.switchable);
  return `${here.filter(isOn).length} of ${here.length} plans on`;
}

export function isOn(plan: Pricing | undefined): boolean {
  return plan?.properties.pricingTier === 'Standard';
}
