import { CheckmarkRegular } from '@fluentui/react-icons/svg/checkmark';
import { Card } from '@/ui/Card';
import { DataTable, type Column } from '@/ui/DataTable';
import { serverFeatures } from './plan-names';

type Feature = (typeof serverFeatures)[number];

const mark = (has: boolean) => (has ? <CheckmarkRegular aria-label="Included" /> : <span aria-label="Not included">–</span>);

const columns: readonly Column<Feature>[] = [
  { id: 'text', header: 'Servers plan includes', wrap: true, render: (row) => row.text },
  { id: 'p1', header: 'Plan 1', width: '100px', render: (row) => mark(row.p1) },
  { id: 'p2', header: 'Plan 2', width: '100px', render: (row) => mark(row.p2) },
];

export function PlanFeatures() {
  return <Card flush title="Compare Servers plans"><DataTable label="Servers plans compared" columns={columns} rows={serverFeatures} rowKey={(row) => row.text} minWidth={460} /></Card>;
}
