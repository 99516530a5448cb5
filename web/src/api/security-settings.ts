/** The switches beside the plans: which components provisioning deploys. */
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { armUrl, listAll, request } from './client';
import { serversPlanOf, usePlans, useSavePlans } from './plans';
import { subscriptionScope, useSession } from './session';
import type { PlanComponent } from './types';
import { versions } from './versions';

const componentsType = 'bartizan.security/components';
const integrityExtension = 'FileIntegrityMonitoring';

export type ComponentName = 'sensor' | 'monitor' | 'inventory';

/** Every component with its switch, how it is doing, and on how many servers it is. */
export function useComponents() {
  const session = useSession();
  return useQuery({
    queryKey: [componentsType, session.subscriptionId],
    queryFn: ({ signal }) => listAll<PlanComponent>(armUrl(`${subscriptionScope(session)}/providers/Bartizan.Security/components`, versions.features), signal),
  });
}

/** Each switch is where Azure has it: a setting, the auto-provisioning setting, and an extension of the plan. */
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
    onSettled: () => client.invalidateQueries({ queryKey: [componentsType] }),
  });
}
