import { Button, makeStyles, tokens } from '@fluentui/react-components';
import { StethoscopeRegular } from '@fluentui/react-icons/svg/stethoscope';
import { useDiagnosis } from '@/api/machines';
import type { DiagnosisCheck } from '@/api/types';
import { Card } from '@/ui/Card';
import type { Tone } from '@/ui/palette';
import { EmptyState, ErrorState } from '@/ui/states';
import { Status } from '@/ui/Status';
import { When } from '@/ui/When';

const useStyles = makeStyles({
  list: { listStyle: 'none', margin: 0, padding: 0, display: 'flex', flexDirection: 'column', gap: '10px' },
  check: { display: 'flex', flexDirection: 'column', gap: '2px' },
  faint: { color: tokens.colorNeutralForeground3, paddingLeft: '22px', overflowWrap: 'anywhere' },
  fix: { paddingLeft: '22px' },
});

const tones: Record<DiagnosisCheck['result'], Tone> = { Passed: 'good', InProgress: 'busy', Failed: 'bad' };

/** The six checks, made when asked for; the first that fails is the answer. */
export function DiagnoseCard({ id }: { id: string }) {
  const styles = useStyles();
  const diagnosis = useDiagnosis(id);
  const found = diagnosis.data?.properties;
  return (
    <Card title="Diagnosis" action={<Button icon={<StethoscopeRegular />} disabled={diagnosis.isPending} onClick={() => diagnosis.mutate()}>{diagnosis.isPending ? 'Checking…' : found ? 'Diagnose again' : 'Diagnose'}</Button>}>
      {diagnosis.error && <ErrorState error={diagnosis.error} what="The checks could not be made" />}
      {!found && !diagnosis.error && <EmptyState title="Why is it not protected?">Six checks, in the order in which they matter: plan, provisioning, system, connectivity, policy, extensions.</EmptyState>}
      {found && (
        <div role="status" aria-label="Result of the diagnosis">
          <p><Status tone={found.status === 'Healthy' ? 'good' : found.status === 'InProgress' ? 'busy' : 'bad'}>{found.summary.charAt(0).toUpperCase() + found.summary.slice(1)}</Status> · <When at={found.time} /></p>
          <ol className={styles.list} aria-label="Checks">
            {found.checks.map((check) => (
              <li key={check.name} className={styles.check}>
                <Status tone={tones[check.result]}>{check.order}. {check.displayName}</Status>
                {check.evidence.map((line) => <span key={line} className={styles.faint}>{line}</span>)}
                {check.result !== 'Passed' && check.fix && <span className={styles.fix}><strong>What to do:</strong> {check.fix}</span>}
              </li>
            ))}
          </ol>
          {found.twoAgents && (
            <p>
              <Status tone={found.twoAgents.verdict === 'bothWork' ? 'good' : 'warn'}>Two agents: {found.twoAgents.summary}</Status>
              {found.twoAgents.fix && <span className={styles.fix}><strong>What to do:</strong> {found.twoAgents.fix}</span>}
            </p>
          )}
          {found.prerequisites && found.prerequisites.length > 0 && (
            <details>
              <summary>{found.prerequisites.length} prerequisites, {found.prerequisites.filter((check) => check.outcome === 'failed').length} not met</summary>
              <ul className={styles.list} aria-label="Prerequisites">
                {found.prerequisites.map((check) => (
                  <li key={check.name} className={styles.check}>
                    <Status tone={check.outcome === 'passed' ? 'good' : check.outcome === 'failed' ? (check.blocking ? 'bad' : 'warn') : 'neutral'}>{check.title}</Status>
                    <span className={styles.faint}>{check.evidence}</span>
                    {check.outcome === 'failed' && check.fix && <span className={styles.fix}><strong>What to do:</strong> {check.fix}</span>}
                  </li>
                ))}
              </ul>
            </details>
          )}
        </div>
      )}
    </Card>
  );
}
