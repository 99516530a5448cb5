import { Field, makeStyles, Select, tokens } from '@fluentui/react-components';
import { useDesignate, useLicences, type Licence } from '@/api/tenant-settings';
import { tierOf } from '@/api/monitoring';
import { paths } from '@/lib/paths';
import { AppLink } from '@/ui/AppLink';
import { Card } from '@/ui/Card';
import { useNotify } from '@/ui/notify';
import { ErrorState, Loaded } from '@/ui/states';
import { Status } from '@/ui/Status';

const useStyles = makeStyles({
  text: { margin: 0, color: tokens.colorNeutralForeground2, lineHeight: tokens.lineHeightBase400 },
  field: { maxWidth: '420px' },
});

const label = ({ subscription, plan }: Licence) => {
  const tier = tierOf(plan);
  return `${subscription.displayName} (${tier === 'Free' ? 'Servers plan is off' : `Servers plan ${tier.slice(1)}`})`;
};

/** Direct onboarding: on at one subscription of the tenant, or off. */
export function DirectOnboardingCard() {
  const styles = useStyles();
  const notify = useNotify();
  const licences = useLicences();
  const designate = useDesignate();
  return (
    <Card title="Direct onboarding">
      <p className={styles.text}>A server that is onboarded directly gets the endpoint sensor and nothing else: no log collection, no inventory, no policies. It appears under the designated subscription, which licenses it. Connecting it fully later keeps it the same server.</p>
      {designate.error !== null && <ErrorState error={designate.error} what="The designated subscription was not set" />}
      <Loaded query={licences} what="subscriptions" rows={2}>
        {(all) => {
          const now = all.find((entry) => entry.designated);
          const set = (id: string) => designate.mutate({ from: now, to: all.find((entry) => entry.subscription.id === id) }, { onSuccess: () => notify.done(id ? 'The subscription is designated' : 'Direct onboarding is off') });
          return (
            <>
              {now ? <Status tone="good">On: servers join {now.subscription.displayName}</Status> : <Status tone="neutral">Off: no subscription is designated, and nothing can be onboarded directly</Status>}
              <Field className={styles.field} label="Designated subscription" hint="Its Servers plan must be on. Servers that are onboarded already stay where they are.">
                <Select value={now?.subscription.id ?? ''} disabled={designate.isPending} onChange={(_, data) => set(data.value)}>
                  <option value="">None: off</option>
                  {all.map((entry) => <option key={entry.subscription.id} value={entry.subscription.id} disabled={tierOf(entry.plan) === 'Free'}>{label(entry)}</option>)}
                </Select>
              </Field>
              {now && <p className={styles.text}><AppLink to={paths.addServers()}>Add servers</AppLink> writes the script for it.</p>}
            </>
          );
        }}
      </Loaded>
    </Card>
  );
}
