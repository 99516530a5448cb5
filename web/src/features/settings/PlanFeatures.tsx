import { CheckmarkRegular } from '@fluentui/react-icons/svg/checkmark';
import { useFeatures } from '@/api/plans';
import { subscriptionScope, useSession } from '@/api/session';
import type { PlanFeature } from '@/api/types';
import { Card } from '@/ui/Card';
import { DataTable, type Column } from '@/ui/DataTable';
import { Loaded } from '@/ui/states';

const mark = (row: PlanFeature, plan: PlanFeature['properties']['plans'][number]) => {
  const { plans, state, reason } = row.properties;
  if (!plans.includes(plan)) return <span aria-label="Not included">–</span>;
  if (state === 'NotAvailable') return <span title={reason}>Not here yet</span>;
  return <CheckmarkRegular aria-label="Included" />;
};

const columns: readonly Column<PlanFeature>[] = [
  { id: 'text', header: 'Plans include', wrap: true, render: (row) => row.properties.displayName },
  { id: 'needs', header: 'Extension', width: '210px', render: (row) => row.properties.extension ?? '–' },
  { id: 'free', header: 'Free', width: '80px', render: (row) => mark(row, 'Foundational') },
  { id: 'p1', header: 'Plan 1', width: '110px', render: (row) => mark(row, 'P1') },
  { id: 'p2', header: 'Plan 2', width: '110px', render: (row) => mark(row, 'P2') },
  { id: 'posture', header: 'Defender CSPM', width: '130px', render: (row) => mark(row, 'CloudPosture') },
];

/** The matrix of features and plans, as the server applies it, with the extension that each needs. */
export function PlanFeatures() {
  const features = useFeatures(subscriptionScope(useSession()));
  return (
    <Card flush title="Compare Servers plans">
      <Loaded query={features} what="the features" rows={6}>
        {(rows) => <DataTable label="Servers plans compared" columns={columns} rows={rows} rowKey={(row) => row.name} minWidth={820} />}
      </Loaded>
    </Card>
  );
}
