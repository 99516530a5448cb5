/** The switches beside the plans: which components provisioning deploys. */
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { armUrl, listAll, request } from './client';
import { serversPlanOf, usePlans, useSavePlans } from './plans';
import { subscriptionScope, useSession } from './session';
import type { Resource } from './types';
import { versions } from './versions';

const settingsType = 'microsoft.security/settings';
const provisioningType = 'microsoft.security/autoprovisioningsettings';
const integrityExtension = 'FileIntegrityMonitoring';

export type ComponentName = 'sensor' | 'monitor' | 'inventory';

/** Each switch is where Azure has it: a setting, the auto-provisioning setting, and an extension of the plan. */
export function useComponentSwitches(): { states: Record<ComponentName, boolean | undefined>; error: unknown; refetch: () => void } {
  const session = useSession();
  const scope = subscriptionScope(session);
  const settings = useQuery({
    queryKey: [settingsType, session.subscriptionId],
    queryFn: ({ signal }) => listAll<Resource<{ enabled?: boolean }>>(armUrl(`${scope}/providers/Microsoft.Security/settings`, versions.securitySettings), signal),
  });
  const collection = useQuery({
    queryKey: [provisioningType, session.subscriptionId],
    queryFn: ({ signal }) => request<Resource<{ autoProvision: string }>>('GET', armUrl(`${scope}/providers/Microsoft.Security/autoProvisioningSettings/default`, versions.autoProvisioning), { signal }),
  });
  const plans = usePlans();
  const integrity = serversPlanOf(plans.data)?.properties.extensions?.find((entry) => entry.name === integrityExtension);
  return {
    states: {
      sensor: settings.data && (settings.data.find((entry) => entry.name === 'WDATP')?.properties.enabled ?? true),
      monitor: collection.data && collection.data.properties.autoProvision === 'On',
      inventory: plans.data && integrity?.isEnabled !== 'False',
    },
    error: settings.error ?? collection.error ?? plans.error,
    refetch: () => { void settings.refetch(); void collection.refetch(); void plans.refetch(); },
  };
}

export function useSetComponent() {
  const session = useSession();
  const client = useQueryClient();
  const plans = usePlans();
  const savePlans = useSavePlans();
  const scope = subscriptionScope(session);
  return useMutation({
    mutationFn: async ({ name, on }: { name: ComponentName; on: boolean }) => {
      if (name === 'sensor') return void (await request('PUT', armUrl(`${scope}/providers/Microsoft.Security/settings/WDATP`, versions.securitySettings), { body: { kind: 'DataExportSettings', properties: { enabled: on } } }));
      if (name === 'monitor') return void (await request('PUT', armUrl(`${scope}/providers/Microsoft.Security/autoProvisioningSettings/default`, versions.autoProvisioning), { body: { properties: { autoProvision: on ? 'On' : 'Off' } } }));
      const plan = serversPlanOf(plans.data);
      if (!plan) throw new Error('The Servers plan is not loaded.');
      const { pricingTier, subPlan, extensions = [] } = plan.properties;
      const others = extensions.filter((entry) => entry.name !== integrityExtension).map(({ name: own, isEnabled }) => ({ name: own, isEnabled }));
      await savePlans.mutateAsync([{ name: plan.name, pricingTier, ...(subPlan ? { subPlan } : {}), extensions: [...others, { name: integrityExtension, isEnabled: on ? 'True' : 'False' }] }]);
    },
    onSettled: () => Promise.all([settingsType, provisioningType].map((key) => client.invalidateQueries({ queryKey: [key] }))),
  });
}
