import type { Recommendation } from '@/api/assessments';
import { paths } from '@/lib/paths';
import { severityRank } from '@/lib/severity';
import { AppLink } from '@/ui/AppLink';
import type { Column } from '@/ui/DataTable';
import { SeverityLabel } from '@/ui/Severity';
import { Status } from '@/ui/Status';
import { HealthBar } from './HealthBar';

export const columns: readonly Column<Recommendation>[] = [
  { id: 'severity', header: 'Severity', width: '120px', sort: (row) => severityRank(row.severity), render: (row) => <SeverityLabel severity={row.severity} /> },
  { id: 'title', header: 'Recommendation', wrap: true, sort: (row) => row.title, render: (row) => <AppLink to={paths.recommendation(row.key)}>{row.title}</AppLink> },
  {
    id: 'state', header: 'Status', width: '140px', sort: (row) => Number(row.unhealthy.length === 0),
    render: (row) => (row.unhealthy.length > 0 ? <Status tone="bad">Unhealthy</Status> : row.healthy.length > 0 ? <Status tone="good">Completed</Status> : <Status tone="neutral">Not applicable</Status>),
  },
  { id: 'unhealthy', header: 'Unhealthy resources', width: '170px', sort: (row) => row.unhealthy.length, render: (row) => `${row.unhealthy.length} of ${row.unhealthy.length + row.healthy.length} servers` },
  { id: 'health', header: 'Resource health', width: '180px', render: (row) => <HealthBar healthy={row.healthy.length} unhealthy={row.unhealthy.length} notApplicable={row.notApplicable.length} /> },
];
