import { makeStyles, tokens } from '@fluentui/react-components';
import type { UseQueryResult } from '@tanstack/react-query';
import type { SecurityAlert } from '@/api/types';
import { formatDateTime } from '@/lib/dates';
import { paths } from '@/lib/paths';
import { countOf } from '@/lib/units';
import { ResultGrid } from '@/kql/ResultGrid';
import { AppLink } from '@/ui/AppLink';
import { Card } from '@/ui/Card';
import { SeverityLabel } from '@/ui/Severity';
import { EmptyState, Loaded } from '@/ui/states';
import { evidenceOf } from './evidence';

const useStyles = makeStyles({
  list: { display: 'flex', flexDirection: 'column', gap: '16px' },
  meta: { display: 'flex', gap: '20px', flexWrap: 'wrap', color: tokens.colorNeutralForeground3, alignItems: 'center' },
  text: { margin: 0, lineHeight: tokens.lineHeightBase400 },
  steps: { margin: '4px 0 0', paddingLeft: '20px', lineHeight: tokens.lineHeightBase400 },
  grid: { border: `1px solid ${tokens.colorNeutralStroke2}`, borderRadius: tokens.borderRadiusMedium, overflow: 'hidden' },
  label: { fontWeight: tokens.fontWeightSemibold },
});

/** Each alert with the rows that raised it. */
export function EvidenceTab({ alerts }: { alerts: UseQueryResult<SecurityAlert[]> }) {
  const styles = useStyles();
  return (
    <Loaded query={alerts} what="alerts">
      {(found) => (
        <div className={styles.list}>
          {found.length === 0 && <Card><EmptyState title="No alerts in this incident" /></Card>}
          {found.map((alert) => {
            const { properties } = alert;
            const { table, query, range } = evidenceOf(alert);
            return (
              <Card key={alert.id} title={properties.alertDisplayName} action={query && <AppLink to={paths.logs({ q: query, ...(range ? { range } : {}) })}>Open query in Logs</AppLink>}>
                <div className={styles.meta}>
                  <SeverityLabel severity={properties.severity} />
                  <span>{properties.compromisedEntity}</span>
                  <span>{formatDateTime(properties.startTimeUtc ?? properties.timeGenerated)}</span>
                </div>
                {properties.description && <p className={styles.text}>{properties.description}</p>}
                {table ? (
                  <div>
                    <div className={styles.label}>{countOf(table.rows.length, 'row')} of evidence</div>
                    <div className={styles.grid} style={{ height: Math.min(320, 52 + 32 * table.rows.length) }}><ResultGrid table={table} filter="" label={`Evidence of ${properties.alertDisplayName}`} /></div>
                  </div>
                ) : !query && <span className={styles.meta}>This alert carries no rows.</span>}
                {properties.remediationSteps && properties.remediationSteps.length > 0 && (
                  <div>
                    <div className={styles.label}>What to do</div>
                    <ol className={styles.steps}>{properties.remediationSteps.map((step) => <li key={step}>{step}</li>)}</ol>
                  </div>
                )}
              </Card>
            );
          })}
        </div>
      )}
    </Loaded>
  );
}
