import { ShieldCheckmarkRegular } from '@fluentui/react-icons/svg/shield-checkmark';
import type { UseQueryResult } from '@tanstack/react-query';
import { useMemo } from 'react';
import { recommendationsOf, type Recommendation } from '@/api/assessments';
import { controlAssessments, potentialIncrease } from '@/api/secure-score';
import type { Assessment, AssessmentMetadata, SecureScoreControl } from '@/api/types';
import { paths } from '@/lib/paths';
import { severityRank } from '@/lib/severity';
import { formatPoints } from '@/lib/units';
import { AppLink } from '@/ui/AppLink';
import { Card } from '@/ui/Card';
import { DataTable, type Column } from '@/ui/DataTable';
import { SeverityLabel } from '@/ui/Severity';
import { EmptyState, Loaded } from '@/ui/states';

interface Row extends Recommendation {
  increase: number | undefined;
}

const columns: readonly Column<Row>[] = [
  { id: 'title', header: 'Recommendation', wrap: true, render: (row) => <AppLink to={paths.recommendation(row.key)} title={row.title}>{row.title}</AppLink> },
  { id: 'severity', header: 'Severity', width: '110px', render: (row) => <SeverityLabel severity={row.severity} />, sort: (row) => severityRank(row.severity) },
  { id: 'unhealthy', header: 'Unhealthy', width: '96px', align: 'end', render: (row) => row.unhealthy.length, sort: (row) => row.unhealthy.length },
  {
    id: 'increase', header: 'Potential increase', width: '146px', align: 'end', sort: (row) => row.increase ?? 0,
    render: (row) => (row.increase ? `+${formatPoints(row.increase)}` : '–'),
  },
];

interface TopRecommendationsCardProps {
  className: string | undefined;
  assessments: UseQueryResult<Assessment[]>;
  metadata: Map<string, AssessmentMetadata> | undefined;
  controls: SecureScoreControl[] | undefined;
}

/** What to do first: the unhealthy recommendations whose control has most to gain. */
export function TopRecommendationsCard({ className, assessments, metadata, controls }: TopRecommendationsCardProps) {
  const top = useMemo(() => {
    const gain = new Map<string, number>();
    for (const control of controls ?? []) {
      for (const key of controlAssessments(control)) gain.set(key, potentialIncrease(control));
    }
    return recommendationsOf(assessments.data ?? [], metadata)
      .filter((entry) => entry.unhealthy.length > 0)
      .map((entry): Row => ({ ...entry, increase: gain.get(entry.key) }))
      .sort((left, right) => (right.increase ?? 0) - (left.increase ?? 0) || severityRank(left.severity) - severityRank(right.severity))
      .slice(0, 6);
  }, [assessments.data, metadata, controls]);
  return (
    <Card flush title="Top recommendations" action={<AppLink to={paths.recommendations()}>View all</AppLink>} {...(className ? { className } : {})}>
      <Loaded query={assessments} what="recommendations">
        {() => (
          <DataTable label="Top recommendations" columns={columns} rows={top} rowKey={(row) => row.key} minWidth={560}
            empty={<EmptyState icon={<ShieldCheckmarkRegular />} title="Nothing to improve">Every assessed server follows all recommendations.</EmptyState>} />
        )}
      </Loaded>
    </Card>
  );
}
