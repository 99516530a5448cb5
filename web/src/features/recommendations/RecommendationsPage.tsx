import { ShieldCheckmarkRegular } from '@fluentui/react-icons/svg/shield-checkmark';
import { useMemo } from 'react';
import { recommendationsOf, useAssessmentMetadata, useAssessments } from '@/api/assessments';
import { scorePercent, useSecureScore, useSecureScoreControls } from '@/api/secure-score';
import { asSeverity, severities } from '@/lib/severity';
import { countOf, formatPoints } from '@/lib/units';
import { Card } from '@/ui/Card';
import { DataTable } from '@/ui/DataTable';
import { FilterBar } from '@/ui/FilterBar';
import { Page } from '@/ui/Page';
import { EmptyState, Loaded } from '@/ui/states';
import { TabStrip } from '@/ui/TabStrip';
import { useSearchState } from '@/ui/use-search-state';
import { columns } from './columns';
import { ControlsTree } from './ControlsTree';

export default function RecommendationsPage() {
  const assessments = useAssessments();
  const metadata = useAssessmentMetadata();
  const controls = useSecureScoreControls();
  const score = useSecureScore().data?.properties.score;
  const [view, setView] = useSearchState('view', 'controls');
  const [search, setSearch] = useSearchState('q');
  const [severity, setSeverity] = useSearchState('severity');
  const [state, setState] = useSearchState('state');

  const all = useMemo(() => recommendationsOf(assessments.data ?? [], metadata.data), [assessments.data, metadata.data]);
  const shown = all.filter(
    (entry) =>
      (!search || entry.title.toLowerCase().includes(search.toLowerCase())) &&
      (!severity || asSeverity(entry.severity) === severity) &&
      (!state || (state === 'unhealthy') === entry.unhealthy.length > 0),
  );
  const subtitle = score ? `Secure score ${scorePercent(score)}% · ${formatPoints(score.current)} of ${formatPoints(score.max)} points` : undefined;
  return (
    <Page title="Recommendations" subtitle={subtitle}>
      <TabStrip label="View" value={view} onChange={setView} tabs={[{ id: 'controls', text: 'By security control' }, { id: 'list', text: 'All recommendations', count: assessments.data ? all.length : undefined }]} />
      <FilterBar search={search} onSearch={setSearch} searchLabel="Find a recommendation" count={assessments.data ? countOf(shown.length, 'recommendation') : ''}
        filters={[
          { label: 'Severity', value: severity, onChange: setSeverity, options: severities.slice(0, 3).map((text) => ({ value: text, text })) },
          { label: 'State', value: state, onChange: setState, options: [{ value: 'unhealthy', text: 'Unhealthy' }, { value: 'healthy', text: 'Completed' }] },
        ]} />
      <Card flush>
        <Loaded query={assessments} what="recommendations" rows={10}>
          {() =>
            all.length === 0 ? (
              <EmptyState icon={<ShieldCheckmarkRegular />} title="No recommendations yet">They appear when the first server has been assessed.</EmptyState>
            ) : view === 'list' ? (
              <DataTable label="Recommendations" columns={columns} rows={shown} rowKey={(row) => row.key} minWidth={860} empty={<EmptyState title="No recommendation matches" />} />
            ) : (
              <Loaded query={controls} what="security controls" rows={10}>
                {(found) => <ControlsTree controls={found} recommendations={shown} filtered={Boolean(search || severity || state)} />}
              </Loaded>
            )
          }
        </Loaded>
      </Card>
    </Page>
  );
}
