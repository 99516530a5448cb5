/** What is set once for the tenant: where its data is said to be, and which subscription licenses direct onboarding. */
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { armUrl, listAll, request } from './client';
import { serversPlan, serversPlanOf } from './plans';
import { useSession } from './session';
import { useSubscriptions, type Subscription } from './tenant';
import type { Pricing, TenantSettings } from './types';
import { versions } from './versions';

const settingsType = 'bartizan.security/tenantsettings';
const pricingsType = 'microsoft.security/pricings';
const designates = 'MdeDesignatedSubscription';

function settingsUrl(tenantId: string): string {
  return armUrl(`/providers/Microsoft.Management/managementGroups/${tenantId}/providers/Bartizan.Security/tenantSettings/default`, versions.features);
}

export function useTenantSettings() {
  const { tenantId } = useSession();
  return useQuery({ queryKey: [settingsType], queryFn: ({ signal }) => request<TenantSettings>('GET', settingsUrl(tenantId), { signal }) });
}

export function useChooseGeoLocation() {
  const { tenantId } = useSession();
  const client = useQueryClient();
  return useMutation({
    mutationFn: (geoLocation: string) => request<TenantSettings>('PUT', settingsUrl(tenantId), { body: { properties: { geoLocation } } }),
    onSettled: () => client.invalidateQueries({ queryKey: [settingsType] }),
  });
}

export interface Licence {
  subscription: Subscription;
  plan: Pricing | undefined;
  /** Directly onboarded servers join it. */
  designated: boolean;
}

const pricingsUrl = (subscription: string, name = '') => armUrl(`${subscription}/providers/Microsoft.Security/pricings${name && `/${name}`}`, versions.pricings);

/** The Servers plan of every subscription, and which one is designated for direct onboarding. */
export function useLicences() {
  const subscriptions = useSubscriptions();
  const all = subscriptions.data ?? [];
  return useQuery({
    queryKey: [pricingsType, 'licences', all.map((entry) => entry.id).join(' ')],
    enabled: subscriptions.data !== undefined,
    queryFn: ({ signal }) => Promise.all(all.map(async (subscription): Promise<Licence> => {
      const plan = serversPlanOf(await listAll<Pricing>(pricingsUrl(subscription.id), signal).then((found) => found.filter((entry) => entry.id.toLowerCase() === `${subscription.id}/providers/Microsoft.Security/pricings/${serversPlan}`.toLowerCase())));
      return { subscription, plan, designated: plan?.properties.pricingTier === 'Standard' && plan.properties.extensions?.find((entry) => entry.name === designates)?.isEnabled === 'True' };
    })),
  });
}

/** Designates a subscription, or none. The one before is let go first, because a tenant has one. */
export function useDesignate() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: async ({ from, to }: { from: Licence | undefined; to: Licence | undefined }) => {
      for (const [licence, on] of [[from, false], [to, true]] as const) {
        if (!licence?.plan) continue;
        const { pricingTier, subPlan, extensions = [] } = licence.plan.properties;
        const others = extensions.filter((entry) => entry.name !== designates).map(({ name, isEnabled }) => ({ name, isEnabled }));
        await request<Pricing>('PUT', pricingsUrl(licence.subscription.id, serversPlan), { body: { properties: { pricingTier, ...(subPlan ? { subPlan } : {}), extensions: [...others, { name: designates, isEnabled: on ? 'True' : 'False' }] } } });
      }
    },
    onSettled: () => client.invalidateQueries({ queryKey: [pricingsType] }),
  });
}
