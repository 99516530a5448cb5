/** The lists below a server's facts. */
import { ShieldCheckmarkRegular } from '@fluentui/react-icons/svg/shield-checkmark';
import type { Alert, Assessment, AssessmentMetadata } from '@/api/types';
import { paths } from '@/lib/paths';
import { severityRank } from '@/lib/severity';
import { AppLink } from '@/ui/AppLink';
import { DataTable, type Column } from '@/ui/DataTable';
import { SeverityLabel } from '@/ui/Severity';
import { EmptyState } from '@/ui/states';
import { When } from '@/ui/When';

interface AssessmentsTabProps {
  kind: string;
  assessments: readonly Assessment[];
  metadata: ReadonlyMap<string, AssessmentMetadata> | undefined;
}

export function AssessmentsTab({ kind, assessments, metadata }: AssessmentsTabProps) {
  const severity = (row: Assessment) => (row.properties.metadata ?? metadata?.get(row.name.toLowerCase()))?.severity;
  const columns: Column<Assessment>[] = [
    { id: 'severity', header: 'Severity', width: '140px', sort: (row) => severityRank(severity(row)), render: (row) => <SeverityLabel severity={severity(row)} /> },
    { id: 'name', header: 'Recommendation', wrap: true, sort: (row) => row.properties.displayName, render: (row) => <AppLink to={paths.recommendation(row.name)}>{row.properties.displayName}</AppLink> },
    ...(kind === 'passed' ? [] : [{ id: 'cause', header: kind === 'unavailable' ? 'Reason' : 'Finding', wrap: true, render: (row: Assessment) => row.properties.status.description ?? row.properties.status.cause ?? '–' }]),
    { id: 'since', header: 'Since', width: '150px', sort: (row) => row.properties.status.statusChangeDate ?? '', render: (row) => <When at={row.properties.status.statusChangeDate} /> },
  ];
  return (
    <DataTable key={kind} label={emptyTexts[kind]?.[0] ?? 'Assessments'} columns={columns} rows={assessments} rowKey={(row) => row.id} initialSort={{ id: 'severity' }}
      empty={<EmptyState icon={<ShieldCheckmarkRegular />} title={emptyTexts[kind]?.[1] ?? 'Nothing here'} />} />
  );
}

const emptyTexts: Record<string, [string, string]> = {
  recommendations: ['Recommendations', 'This server follows every recommendation'],
  passed: ['Passed assessments', 'No assessment has passed yet'],
  unavailable: ['Unavailable assessments', 'Every assessment could be decided'],
};

const alertColumns: readonly Column<Alert>[] = [
  { id: 'severity', header: 'Severity', width: '140px', sort: (row) => severityRank(row.properties.severity), render: (row) => <SeverityLabel severity={row.properties.severity} /> },
  { id: 'title', header: 'Alert', wrap: true, render: (row) => <AppLink to={paths.alerts({ alert: row.name })}>{row.properties.alertDisplayName}</AppLink> },
  { id: 'status', header: 'Status', width: '120px', render: (row) => row.properties.status },
  { id: 'time', header: 'Time', width: '150px', sort: (row) => row.properties.timeGeneratedUtc ?? '', render: (row) => <When at={row.properties.timeGeneratedUtc} /> },
];

export function AlertsTab({ alerts }: { alerts: readonly Alert[] }) {
  return (
    <DataTable label="Alerts" columns={alertColumns} rows={alerts} rowKey={(row) => row.id} initialSort={{ id: 'time', descending: true }}
      empty={<EmptyState icon={<ShieldCheckmarkRegular />} title="No alerts for this server" />} />
  );
}
