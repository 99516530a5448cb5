import type { Incident } from '@/api/types';
import { paths } from '@/lib/paths';
import { severityRank } from '@/lib/severity';
import { AppLink } from '@/ui/AppLink';
import type { Column } from '@/ui/DataTable';
import { SeverityLabel } from '@/ui/Severity';
import { When } from '@/ui/When';
import { spaced } from './words';

export const columns: readonly Column<Incident>[] = [
  { id: 'severity', header: 'Severity', width: '130px', sort: (row) => severityRank(row.properties.severity), render: (row) => <SeverityLabel severity={row.properties.severity} /> },
  { id: 'number', header: 'No.', width: '70px', align: 'end', sort: (row) => row.properties.incidentNumber ?? 0, render: (row) => row.properties.incidentNumber ?? '–' },
  { id: 'title', header: 'Title', wrap: true, sort: (row) => row.properties.title, render: (row) => <AppLink to={paths.incident(row.name)}>{row.properties.title}</AppLink> },
  { id: 'status', header: 'Status', width: '90px', sort: (row) => row.properties.status, render: (row) => row.properties.status },
  { id: 'alerts', header: 'Alerts', width: '80px', align: 'end', sort: (row) => row.properties.additionalData?.alertsCount ?? 0, render: (row) => row.properties.additionalData?.alertsCount ?? 0 },
  { id: 'tactics', header: 'Tactics', width: '170px', render: (row) => <span title={row.properties.additionalData?.tactics?.join(', ')}>{row.properties.additionalData?.tactics?.map(spaced).join(', ') || '–'}</span> },
  { id: 'owner', header: 'Owner', width: '130px', sort: (row) => row.properties.owner?.assignedTo ?? '', render: (row) => row.properties.owner?.assignedTo ?? 'Unassigned' },
  { id: 'created', header: 'Created', width: '140px', sort: (row) => row.properties.createdTimeUtc ?? '', render: (row) => <When at={row.properties.createdTimeUtc} /> },
];
