import { ShieldCheckmarkRegular } from '@fluentui/react-icons/svg/shield-checkmark';
import type { UseQueryResult } from '@tanstack/react-query';
import type { Incident } from '@/api/types';
import { paths } from '@/lib/paths';
import { severityRank } from '@/lib/severity';
import { AppLink } from '@/ui/AppLink';
import { Card } from '@/ui/Card';
import { DataTable, type Column } from '@/ui/DataTable';
import { SeverityLabel } from '@/ui/Severity';
import { EmptyState, Loaded } from '@/ui/states';
import { When } from '@/ui/When';

const columns: readonly Column<Incident>[] = [
  { id: 'severity', header: 'Severity', width: '140px', sort: (row) => severityRank(row.properties.severity), render: (row) => <SeverityLabel severity={row.properties.severity} /> },
  { id: 'title', header: 'Title', render: (row) => <AppLink to={paths.incident(row.name)}>{row.properties.title}</AppLink> },
  { id: 'status', header: 'Status', width: '110px', render: (row) => row.properties.status },
  { id: 'owner', header: 'Owner', width: '170px', render: (row) => row.properties.owner?.assignedTo ?? 'Unassigned' },
  { id: 'alerts', header: 'Alerts', width: '90px', align: 'end', render: (row) => row.properties.additionalData?.alertsCount ?? 0 },
  { id: 'created', header: 'Created', width: '160px', sort: (row) => row.properties.createdTimeUtc ?? '', render: (row) => <When at={row.properties.createdTimeUtc} /> },
];

export function IncidentsCard({ className, incidents }: { className: string | undefined; incidents: UseQueryResult<Incident[]> }) {
  const open = (incidents.data ?? []).filter((incident) => incident.properties.status !== 'Closed');
  const newest = [...open]
    .sort((left, right) => (right.properties.createdTimeUtc ?? '').localeCompare(left.properties.createdTimeUtc ?? ''))
    .slice(0, 5);
  const title = incidents.data ? `Open incidents (${open.length})` : 'Open incidents';
  return (
    <Card flush title={title} action={<AppLink to={paths.incidents()}>View all</AppLink>} {...(className ? { className } : {})}>
      <Loaded query={incidents} what="incidents" rows={4}>
        {() => (
          <DataTable label="Open incidents" columns={columns} rows={newest} rowKey={(row) => row.id} minWidth={680}
            empty={<EmptyState icon={<ShieldCheckmarkRegular />} title="No open incidents">New incidents appear here as soon as a rule raises them.</EmptyState>} />
        )}
      </Loaded>
    </Card>
  );
}
