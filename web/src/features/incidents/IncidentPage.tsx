import { Badge, makeStyles } from '@fluentui/react-components';
import { useParams } from 'react-router';
import { useIncident, useIncidentAlerts, useIncidentComments, useIncidentEntities } from '@/api/incidents';
import { paths } from '@/lib/paths';
import { AppLink } from '@/ui/AppLink';
import { Page } from '@/ui/Page';
import { SeverityLabel } from '@/ui/Severity';
import { ErrorState, RowsSkeleton } from '@/ui/states';
import { TabStrip } from '@/ui/TabStrip';
import { useSearchState } from '@/ui/use-search-state';
import { CommentsTab } from './CommentsTab';
import { DetailsCard } from './DetailsCard';
import { EditBar } from './EditBar';
import { EntitiesTab } from './EntitiesTab';
import { EvidenceTab } from './EvidenceTab';
import { TimelineTab } from './TimelineTab';

const useStyles = makeStyles({
  grid: { display: 'grid', gridTemplateColumns: 'minmax(280px, 340px) minmax(0, 1fr)', gap: '20px', alignItems: 'start', '@media (max-width: 980px)': { gridTemplateColumns: 'minmax(0, 1fr)' } },
  work: { display: 'flex', flexDirection: 'column', gap: '16px', minWidth: 0 },
  sub: { display: 'inline-flex', gap: '12px', alignItems: 'center' },
});

export default function IncidentPage() {
  const styles = useStyles();
  const { incident: name = '' } = useParams();
  const incident = useIncident(name);
  const alerts = useIncidentAlerts(name);
  const entities = useIncidentEntities(name);
  const comments = useIncidentComments(name);
  const [tab, setTab] = useSearchState('tab', 'timeline');
  if (!incident.data) {
    return (
      <Page title="Incident">
        {incident.error ? (
          <>
            <ErrorState error={incident.error} what="Cannot load the incident" retry={() => void incident.refetch()} />
            <AppLink to={paths.incidents()}>All incidents</AppLink>
          </>
        ) : <RowsSkeleton rows={10} label="Loading the incident" />}
      </Page>
    );
  }
  const { properties } = incident.data;
  const number = properties.incidentNumber === undefined ? 'Incident' : `Incident ${properties.incidentNumber}`;
  return (
    <Page title={properties.title} leaf={number}
      subtitle={<span className={styles.sub}>{number} <SeverityLabel severity={properties.severity} /></span>}
      badge={<Badge appearance="tint" color={properties.status === 'New' ? 'danger' : properties.status === 'Active' ? 'brand' : 'informative'}>{properties.status}</Badge>}
      actions={<EditBar incident={incident.data} />}>
      <div className={styles.grid}>
        <DetailsCard incident={incident.data} />
        <div className={styles.work}>
          <TabStrip label="Incident" value={tab} onChange={setTab} tabs={[
            { id: 'timeline', text: 'Timeline' },
            { id: 'evidence', text: 'Alerts and evidence', count: alerts.data?.length },
            { id: 'entities', text: 'Entities', count: entities.data?.length },
            { id: 'comments', text: 'Comments', count: comments.data?.length },
          ]} />
          {tab === 'timeline' && <TimelineTab incident={incident.data} alerts={alerts} comments={comments.data ?? []} />}
          {tab === 'evidence' && <EvidenceTab alerts={alerts} />}
          {tab === 'entities' && <EntitiesTab entities={entities} />}
          {tab === 'comments' && <CommentsTab name={name} comments={comments} />}
        </div>
      </div>
    </Page>
  );
}
