import { makeStyles, tokens } from '@fluentui/react-components';
import type { UseQueryResult } from '@tanstack/react-query';
import { isOpenAlert } from '@/api/alerts';
import type { Alert } from '@/api/types';
import { paths } from '@/lib/paths';
import { asSeverity, severities } from '@/lib/severity';
import { AppLink } from '@/ui/AppLink';
import { Card } from '@/ui/Card';
import { severityColor } from '@/ui/palette';
import { SeverityLabel } from '@/ui/Severity';
import { SplitBar } from '@/ui/SplitBar';
import { Loaded } from '@/ui/states';

const useStyles = makeStyles({
  total: { fontSize: '28px', lineHeight: '32px', fontWeight: tokens.fontWeightSemibold, fontVariantNumeric: 'tabular-nums' },
  list: { listStyle: 'none', margin: 0, padding: 0, display: 'grid', gridTemplateColumns: '1fr 1fr', columnGap: '24px', rowGap: '8px' },
  item: { display: 'flex', justifyContent: 'space-between', gap: '12px' },
  count: { fontVariantNumeric: 'tabular-nums', fontWeight: tokens.fontWeightSemibold },
  head: { display: 'flex', alignItems: 'baseline', gap: '8px' },
  faint: { color: tokens.colorNeutralForeground3 },
});

export function AlertsCard({ alerts }: { alerts: UseQueryResult<Alert[]> }) {
  const styles = useStyles();
  return (
    <Card title="Active alerts" action={<AppLink to={paths.alerts()}>View all</AppLink>}>
      <Loaded query={alerts} what="alerts" rows={4}>
        {(all) => {
          const open = all.filter(isOpenAlert);
          const counts = severities.map((severity) => ({
            label: severity,
            value: open.filter((alert) => asSeverity(alert.properties.severity) === severity).length,
            color: severityColor[severity],
          }));
          return (
            <>
              <div className={styles.head}>
                <span className={styles.total}>{open.length}</span>
                <span className={styles.faint}>{open.length === 0 ? 'Nothing needs attention' : 'need attention'}</span>
              </div>
              <SplitBar slices={counts} label="Alerts by severity" />
              <ul className={styles.list}>
                {counts.map(({ label, value }) => (
                  <li key={label} className={styles.item}>
                    <AppLink plain to={paths.alerts({ severity: label })}><SeverityLabel severity={label} /></AppLink>
                    <span className={styles.count}>{value}</span>
                  </li>
                ))}
              </ul>
            </>
          );
        }}
      </Loaded>
    </Card>
  );
}
