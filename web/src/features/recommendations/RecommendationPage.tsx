import { makeStyles, tokens } from '@fluentui/react-components';
import { useParams } from 'react-router';
import { assessedResource, recommendationsOf, useAssessmentMetadata, useAssessments } from '@/api/assessments';
import type { Assessment } from '@/api/types';
import { armName, isMachineId, parseArmId, typeLabel } from '@/lib/arm-id';
import { paths } from '@/lib/paths';
import { AppLink } from '@/ui/AppLink';
import { Card } from '@/ui/Card';
import { DataTable, type Column } from '@/ui/DataTable';
import { Facts } from '@/ui/Facts';
import { Page } from '@/ui/Page';
import { SeverityLabel } from '@/ui/Severity';
import { EmptyState, Loaded } from '@/ui/states';
import { TabStrip } from '@/ui/TabStrip';
import { useSearchState } from '@/ui/use-search-state';
import { When } from '@/ui/When';

const useStyles = makeStyles({
  grid: { display: 'grid', gridTemplateColumns: 'minmax(0, 1fr) minmax(280px, 340px)', gap: '16px', alignItems: 'start', '@media (max-width: 980px)': { gridTemplateColumns: 'minmax(0, 1fr)' } },
  text: { margin: 0, lineHeight: tokens.lineHeightBase400, whiteSpace: 'pre-line', maxWidth: '80ch' },
  heading: { margin: '8px 0 0', fontSize: tokens.fontSizeBase300, fontWeight: tokens.fontWeightSemibold },
});

const columns: readonly Column<Assessment>[] = [
  {
    id: 'resource', header: 'Resource', width: '28%', sort: (row) => armName(assessedResource(row)),
    render: (row) => {
      const id = assessedResource(row);
      return isMachineId(id) ? <AppLink strong to={paths.machine(id)}>{armName(id)}</AppLink> : armName(id);
    },
  },
  { id: 'type', header: 'Type', width: '130px', render: (row) => typeLabel(parseArmId(assessedResource(row)).type) },
  { id: 'why', header: 'Finding', wrap: true, render: (row) => row.properties.status.description ?? row.properties.status.cause ?? '–' },
  { id: 'since', header: 'Since', width: '150px', sort: (row) => row.properties.status.statusChangeDate ?? '', render: (row) => <When at={row.properties.status.statusChangeDate} /> },
];

const tabs = [
  { id: 'unhealthy', text: 'Unhealthy resources', none: 'No resource is unhealthy' },
  { id: 'healthy', text: 'Healthy resources', none: 'No resource is healthy yet' },
  { id: 'notApplicable', text: 'Not applicable resources', none: 'It applies to every resource' },
] as const;

export default function RecommendationPage() {
  const styles = useStyles();
  const { key = '' } = useParams();
  const assessments = useAssessments();
  const metadata = useAssessmentMetadata();
  const [tab, setTab] = useSearchState('tab', 'unhealthy');
  const entry = recommendationsOf(assessments.data?.filter((item) => item.name.toLowerCase() === key.toLowerCase()) ?? [], metadata.data)[0];
  const about = entry?.metadata ?? metadata.data?.get(key.toLowerCase());
  const title = entry?.title ?? about?.displayName ?? 'Recommendation';
  const current = tabs.find((item) => item.id === tab) ?? tabs[0];
  return (
    <Page title={title}>
      <Loaded query={assessments} what="the recommendation" rows={8}>
        {() =>
          !entry && !about ? (
            <EmptyState title="There is no recommendation with this key" action={<AppLink to={paths.recommendations()}>All recommendations</AppLink>} />
          ) : (
            <>
              <div className={styles.grid}>
                <Card title="Description">
                  <p className={styles.text}>{about?.description ?? 'No description.'}</p>
                  {about?.remediationDescription && (
                    <>
                      <h3 className={styles.heading}>Remediation steps</h3>
                      <p className={styles.text}>{about.remediationDescription}</p>
                    </>
                  )}
                </Card>
                <Card title="At a glance">
                  <Facts facts={[
                    ['Severity', <SeverityLabel key="severity" severity={about?.severity ?? entry?.severity} />],
                    ['Effort', about?.implementationEffort],
                    ['User impact', about?.userImpact],
                    ['Category', about?.categories?.join(', ')],
                    ['Tactics', about?.tactics?.join(', ')],
                    ['Techniques', about?.techniques?.join(', ')],
                  ]} />
                </Card>
              </div>
              <TabStrip label="Affected resources" value={current.id} onChange={setTab} tabs={tabs.map((item) => ({ id: item.id, text: item.text, count: entry?.[item.id].length ?? 0 }))} />
              <Card flush>
                <DataTable key={current.id} label={current.text} columns={columns} rows={entry?.[current.id] ?? []} rowKey={(row) => row.id} initialSort={{ id: 'resource' }} empty={<EmptyState title={current.none} />} />
              </Card>
            </>
          )
        }
      </Loaded>
    </Page>
  );
}
