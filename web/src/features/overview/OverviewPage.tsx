import { makeStyles } from '@fluentui/react-components';
import { useAlerts } from '@/api/alerts';
import { useAssessmentMetadata, useAssessments } from '@/api/assessments';
import { useIncidents } from '@/api/incidents';
import { useExtensionsOf } from '@/api/fleet';
import { useMachines } from '@/api/machines';
import { usePlans } from '@/api/plans';
import { useSecureScore, useSecureScoreControls } from '@/api/secure-score';
import { useSession } from '@/api/session';
import { Page } from '@/ui/Page';
import { AlertsCard } from './AlertsCard';
import { CoverageCard } from './CoverageCard';
import { IncidentsCard } from './IncidentsCard';
import { MachineHealthCard } from './MachineHealthCard';
import { ScoreCard } from './ScoreCard';
import { TopRecommendationsCard } from './TopRecommendationsCard';

const useStyles = makeStyles({
  grid: {
    display: 'grid', gap: '16px', gridTemplateColumns: 'repeat(12, minmax(0, 1fr))',
    '> *': { gridColumn: 'span 4' },
    '@media (max-width: 1180px)': { '> *': { gridColumn: 'span 6' } },
    '@media (max-width: 860px)': { '> *': { gridColumn: 'span 12' } },
  },
  full: { gridColumn: 'span 12 !important' },
  wide: { gridColumn: 'span 8 !important', '@media (max-width: 1180px)': { gridColumn: 'span 12 !important' } },
});

export default function OverviewPage() {
  const styles = useStyles();
  const session = useSession();
  const machines = useMachines();
  const extensions = useExtensionsOf(machines.data ?? []);
  return (
    <Page title="Overview" subtitle={`${session.subscriptionName} · workspace ${session.workspaceId.split('/').pop() ?? ''}`}>
      <div className={styles.grid}>
        <ScoreCard score={useSecureScore()} />
        <CoverageCard machines={machines} extensions={extensions} plans={usePlans()} />
        <AlertsCard alerts={useAlerts()} />
        <TopRecommendationsCard className={styles.wide} assessments={useAssessments()} metadata={useAssessmentMetadata().data}
          controls={useSecureScoreControls().data} />
        <MachineHealthCard machines={machines} extensions={extensions} />
        <IncidentsCard className={styles.full} incidents={useIncidents()} />
      </div>
    </Page>
  );
}
