import { makeStyles, MessageBar, MessageBarBody, MessageBarTitle, tokens } from '@fluentui/react-components';
import type { UseQueryResult } from '@tanstack/react-query';
import { extensionLabel } from '@/api/monitoring';
import { useSession } from '@/api/session';
import type { MachineExtension } from '@/api/types';
import { paths } from '@/lib/paths';
import { AppLink } from '@/ui/AppLink';
import { Card } from '@/ui/Card';
import { ProvisioningStatus } from '@/ui/ProvisioningStatus';
import type { Tone } from '@/ui/palette';
import { EmptyState, Loaded } from '@/ui/states';
import { Status } from '@/ui/Status';
import { When } from '@/ui/When';

const useStyles = makeStyles({
  list: { listStyle: 'none', margin: 0, padding: 0, display: 'flex', flexDirection: 'column' },
  item: { display: 'grid', gridTemplateColumns: 'minmax(0, 1fr) max-content', columnGap: '16px', rowGap: '2px', padding: '12px 0', borderTop: `1px solid ${tokens.colorNeutralStroke3}`, ':first-child': { borderTopStyle: 'none', paddingTop: 0 } },
  name: { fontWeight: tokens.fontWeightSemibold },
  faint: { color: tokens.colorNeutralForeground3, fontSize: tokens.fontSizeBase200 },
  steps: { listStyle: 'none', margin: '6px 0 0', padding: 0, display: 'flex', flexDirection: 'column', gap: '6px' },
  step: { display: 'block', paddingLeft: '22px', color: tokens.colorNeutralForeground3, overflowWrap: 'anywhere' },
  message: { gridColumn: '1 / -1', color: tokens.colorNeutralForeground2 },
});

type Step = NonNullable<NonNullable<MachineExtension['properties']['instanceView']>['substatuses']>[number];

const stepTones: Record<string, Tone> = { succeeded: 'good', running: 'busy', failed: 'bad', warning: 'warn' };
const stepNames: Record<string, string> = {
  prerequisites: 'Prerequisites', existingSensor: 'Existing sensor', conflictingProduct: 'Other protection', package: 'Package', onboarding: 'Onboarding', engine: 'Engine', updates: 'Updates',
};

/** The steps of the installation, `ComponentStatus/<name>/<state>`, each with what was found. */
function Steps({ of }: { of: readonly Step[] }) {
  const styles = useStyles();
  if (of.length === 0) return null;
  return (
    <details className={styles.message}>
      <summary>{of.length} installation steps</summary>
      <ul className={styles.steps} aria-label="Installation steps">
        {of.map((step) => {
          const [, name = step.code, state = ''] = step.code.split('/');
          return (
            <li key={step.code}>
              <Status tone={stepTones[state] ?? 'neutral'}>{stepNames[name] ?? name}: {step.displayStatus ?? state}</Status>
              {step.message && <span className={styles.step}>{step.message}</span>}
            </li>
          );
        })}
      </ul>
    </details>
  );
}

interface ExtensionsCardProps {
  extensions: UseQueryResult<MachineExtension[]>;
  planOn: boolean;
  reasons: readonly string[];
}

/** The agent's extensions with state, version and message, and what is wrong in one line. */
export function ExtensionsCard({ extensions, planOn, reasons }: ExtensionsCardProps) {
  const styles = useStyles();
  const session = useSession();
  return (
    <Card title="Extensions">
      <Loaded query={extensions} what="extensions" rows={5}>
        {(all) => (
          <>
            {reasons.length > 0 && all.length > 0 && (
              <MessageBar intent="warning" layout="multiline"><MessageBarBody><MessageBarTitle>Not monitored</MessageBarTitle>{reasons.join('. ')}.</MessageBarBody></MessageBar>
            )}
            {all.length === 0 ? (
              <EmptyState title="No extensions" action={!planOn && <AppLink to={paths.plans(session.subscriptionId)}>Turn on Defender for Servers</AppLink>}>
                {planOn ? 'The plan is on; extensions are deployed when the agent connects.' : 'Extensions are deployed when the Servers plan is on.'}
              </EmptyState>
            ) : (
              <ul className={styles.list}>
                {all.map((extension) => {
                  const { properties } = extension;
                  const status = properties.instanceView?.status;
                  return (
                    <li key={extension.id} className={styles.item}>
                      <span><span className={styles.name}>{extensionLabel(extension)}</span> <span className={styles.faint}>{extension.name}</span></span>
                      <ProvisioningStatus state={properties.provisioningState} />
                      {status?.message && <span className={styles.message}>{status.message}</span>}
                      <span className={styles.faint}>
                        Version {properties.instanceView?.typeHandlerVersion ?? properties.typeHandlerVersion ?? 'unknown'}
                        {status?.time && <> · reported <When at={status.time} /></>}
                      </span>
                      <Steps of={properties.instanceView?.substatuses ?? []} />
                    </li>
                  );
                })}
              </ul>
            )}
          </>
        )}
      </Loaded>
    </Card>
  );
}
