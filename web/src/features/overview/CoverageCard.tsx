import { makeStyles, tokens } from '@fluentui/react-components';
import type { UseQueryResult } from '@tanstack/react-query';
import { monitoringOf } from '@/api/monitoring';
import { isOn, serversPlanOf } from '@/api/plans';
import { useSession } from '@/api/session';
import type { Machine, MachineExtension, Pricing } from '@/api/types';
import { paths } from '@/lib/paths';
import { countOf, percent } from '@/lib/units';
import { AppLink } from '@/ui/AppLink';
import { Card } from '@/ui/Card';
import { Gauge, scoreTone } from '@/ui/Gauge';
import { Loaded } from '@/ui/states';
import { Status } from '@/ui/Status';

const useStyles = makeStyles({
  body: { display: 'flex', gap: '20px', alignItems: 'center' },
  text: { display: 'flex', flexDirection: 'column', gap: '6px', minWidth: 0 },
  main: { fontSize: tokens.fontSizeBase400, lineHeight: tokens.lineHeightBase400, fontWeight: tokens.fontWeightSemibold },
  faint: { color: tokens.colorNeutralForeground3 },
});

interface CoverageCardProps {
  machines: UseQueryResult<Machine[]>;
  extensions: Map<string, MachineExtension[]>;
  plans: UseQueryResult<Pricing[]>;
}

export function CoverageCard({ machines, extensions, plans }: CoverageCardProps) {
  const styles = useStyles();
  const session = useSession();
  const plan = serversPlanOf(plans.data);
  return (
    <Card title="Coverage" action={<AppLink to={paths.plans(session.subscriptionId)}>Defender plans</AppLink>}>
      <Loaded query={machines} what="servers" rows={4}>
        {(all) => {
          const monitored = all.filter((machine) => monitoringOf(machine, extensions.get(machine.id.toLowerCase()) ?? []).monitored).length;
          const covered = percent(monitored, all.length);
          return (
            <div className={styles.body}>
              <Gauge value={covered} label="Monitored servers" tone={all.length === 0 ? 'neutral' : scoreTone(covered)} />
              <div className={styles.text}>
                <span className={styles.main}>{monitored} of {countOf(all.length, 'server')} monitored</span>
                {plans.data && (
                  <Status tone={isOn(plan) ? 'good' : 'warn'}>
                    {isOn(plan) ? `Servers plan ${plan?.properties.subPlan ?? 'on'}` : 'Servers plan off'}
                  </Status>
                )}
                {all.length === 0 ? <AppLink to={paths.addServers()}>Add the first server</AppLink>
                  : monitored < all.length && <AppLink to={paths.inventory({ monitoring: 'not' })}>Show not monitored</AppLink>}
              </div>
            </div>
          );
        }}
      </Loaded>
    </Card>
  );
}
