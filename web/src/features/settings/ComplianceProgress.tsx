import { makeStyles, ProgressBar, tokens } from '@fluentui/react-components';
import type { PolicySummary } from '@/api/policy';
import { countOf } from '@/lib/units';
import { Status } from '@/ui/Status';

const useStyles = makeStyles({ root: { display: 'flex', flexDirection: 'column', gap: '10px' }, faint: { color: tokens.colorNeutralForeground3 } });

/** How many servers have everything that the plans ask for. Moves by itself until all are compliant. */
export function ComplianceProgress({ summary }: { summary: PolicySummary | undefined }) {
  const styles = useStyles();
  if (!summary) return <ProgressBar aria-label="Loading compliance" />;
  const { total, compliant: done } = summary.machines;
  if (total === 0) return <span className={styles.faint}>No server has been evaluated yet.</span>;
  return (
    <div className={styles.root}>
      <ProgressBar value={done / total} thickness="large" color={done === total ? 'success' : 'brand'} aria-label="Compliant servers" />
      {done === total ? <Status tone="good">All {countOf(total, 'server')} compliant</Status> : <span role="status">{done} of {countOf(total, 'server')} compliant</span>}
    </div>
  );
}
