import { makeStyles, ProgressBar, tokens } from '@fluentui/react-components';
import { isCompliant } from '@/api/policy';
import type { PolicyState } from '@/api/types';
import { countOf } from '@/lib/units';
import { Status } from '@/ui/Status';

const useStyles = makeStyles({ root: { display: 'flex', flexDirection: 'column', gap: '10px' }, faint: { color: tokens.colorNeutralForeground3 } });

/** How many servers have everything that the plans ask for. Moves by itself until all are compliant. */
export function ComplianceProgress({ states }: { states: readonly PolicyState[] | undefined }) {
  const styles = useStyles();
  if (!states) return <ProgressBar aria-label="Loading compliance" />;
  const byServer = new Map<string, boolean>();
  for (const state of states) {
    const id = state.resourceId.toLowerCase();
    byServer.set(id, (byServer.get(id) ?? true) && isCompliant(state));
  }
  const total = byServer.size;
  const done = [...byServer.values()].filter(Boolean).length;
  if (total === 0) return <span className={styles.faint}>No server has been evaluated yet.</span>;
  return (
    <div className={styles.root}>
      <ProgressBar value={done / total} thickness="large" color={done === total ? 'success' : 'brand'} aria-label="Compliant servers" />
      {done === total ? <Status tone="good">All {countOf(total, 'server')} compliant</Status> : <span role="status">{done} of {countOf(total, 'server')} compliant</span>}
    </div>
  );
}
