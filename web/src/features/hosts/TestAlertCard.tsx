import { Button, makeStyles, tokens } from '@fluentui/react-components';
import { BeakerRegular } from '@fluentui/react-icons/svg/beaker';
import { useStartTestAlert, useTestAlert } from '@/api/machines';
import type { TestHop } from '@/api/types';
import { paths } from '@/lib/paths';
import { AppLink } from '@/ui/AppLink';
import { Card } from '@/ui/Card';
import type { Tone } from '@/ui/palette';
import { EmptyState, ErrorState } from '@/ui/states';
import { Status } from '@/ui/Status';
import { When } from '@/ui/When';

const useStyles = makeStyles({
  list: { listStyle: 'none', margin: 0, padding: 0, display: 'flex', flexDirection: 'column', gap: '8px' },
  hop: { display: 'grid', gridTemplateColumns: 'minmax(0, 1fr) max-content', columnGap: '12px' },
  faint: { gridColumn: '1 / -1', color: tokens.colorNeutralForeground3, paddingLeft: '22px', overflowWrap: 'anywhere' },
  moment: { color: tokens.colorNeutralForeground3, fontVariantNumeric: 'tabular-nums' },
  fix: { gridColumn: '1 / -1', paddingLeft: '22px' },
});

const tones: Record<TestHop['outcome'], Tone> = { Passed: 'good', Waiting: 'busy', Failed: 'bad', NotReached: 'neutral' };

/** One harmless process, followed hop by hop until it is an incident. */
export function TestAlertCard({ id }: { id: string }) {
  const styles = useStyles();
  const latest = useTestAlert(id);
  const start = useStartTestAlert(id);
  const test = latest.data?.properties;
  const running = start.isPending || test?.state === 'Running';
  const error = start.error ?? latest.error;
  const incident = test?.incidentId?.split('/').at(-1);
  const alert = test?.alertId?.split('/').at(-1);
  return (
    <Card title="Test alert" action={<Button icon={<BeakerRegular />} disabled={running} onClick={() => start.mutate()}>{running ? 'Testing…' : test ? 'Test again' : 'Send a test alert'}</Button>}>
      {error && <ErrorState error={error} what="The test could not be made" />}
      {!test && !error && <EmptyState title="Does an attack on it become an incident?">The agent starts a harmless process; the sensor, the workspace, the rule and the incident have to follow. Each hop shows its moment, or why it broke.</EmptyState>}
      {test && (
        <div role="status" aria-label="Result of the test alert">
          <p>
            <Status tone={test.state === 'Succeeded' ? 'good' : test.state === 'Running' ? 'busy' : 'bad'}>{test.summary.charAt(0).toUpperCase() + test.summary.slice(1)}</Status>
            {' · '}<When at={test.requested} /> by {test.requestedBy}
            {incident && <> · <AppLink to={paths.incident(incident)}>Incident</AppLink></>}
            {alert && <> · <AppLink to={paths.alerts({ alert })}>Alert</AppLink></>}
          </p>
          <ol className={styles.list} aria-label="Hops">
            {test.hops.map((hop) => (
              <li key={hop.name} className={styles.hop}>
                <Status tone={tones[hop.outcome]}>{hop.displayName}</Status>
                <span className={styles.moment}>{hop.time && moment(hop.time)}</span>
                {hop.detail && <span className={styles.faint}>{hop.detail}</span>}
                {hop.fix && <span className={styles.fix}><strong>What to do:</strong> {hop.fix}</span>}
              </li>
            ))}
          </ol>
        </div>
      )}
    </Card>
  );
}

/** The time of day to the millisecond: hops are parts of a second apart. */
function moment(time: string): string {
  const at = new Date(time);
  return Number.isNaN(at.getTime()) ? time : at.toLocaleTimeString(undefined, { hour: '2-digit', minute: '2-digit', second: '2-digit', fractionalSecondDigits: 3 });
}
