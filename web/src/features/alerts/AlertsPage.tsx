import { ShieldCheckmarkRegular } from '@fluentui/react-icons/svg/shield-checkmark';
import { isOpenAlert, useAlerts } from '@/api/alerts';
import type { Alert } from '@/api/types';
import { asSeverity, severities, severityRank } from '@/lib/severity';
import { paths } from '@/lib/paths';
import { countOf } from '@/lib/units';
import { AppLink } from '@/ui/AppLink';
import { Card } from '@/ui/Card';
import { DataTable, type Column } from '@/ui/DataTable';
import { FilterBar } from '@/ui/FilterBar';
import { Page } from '@/ui/Page';
import { SeverityLabel } from '@/ui/Severity';
import { EmptyState, Loaded } from '@/ui/states';
import { useSearchState } from '@/ui/use-search-state';
import { When } from '@/ui/When';
import { AlertPanel } from './AlertPanel';

const columns: readonly Column<Alert>[] = [
  { id: 'severity', header: 'Severity', width: '140px', sort: (row) => severityRank(row.properties.severity), render: (row) => <SeverityLabel severity={row.properties.severity} /> },
  { id: 'title', header: 'Alert title', wrap: true, sort: (row) => row.properties.alertDisplayName, render: (row) => <AppLink to={paths.alerts({ alert: row.name })}>{row.properties.alertDisplayName}</AppLink> },
  { id: 'resource', header: 'Affected resource', width: '160px', sort: (row) => row.properties.compromisedEntity ?? '', render: (row) => row.properties.compromisedEntity ?? '–' },
  { id: 'tactic', header: 'Tactics', width: '200px', render: (row) => <span title={row.properties.intent}>{row.properties.intent?.replaceAll(',', ', ') || '–'}</span> },
  { id: 'status', header: 'Status', width: '110px', sort: (row) => row.properties.status, render: (row) => (row.properties.status === 'InProgress' ? 'In progress' : row.properties.status) },
  { id: 'time', header: 'Time', width: '140px', sort: (row) => row.properties.timeGeneratedUtc ?? '', render: (row) => <When at={row.properties.timeGeneratedUtc} /> },
];

export default function AlertsPage() {
  const alerts = useAlerts();
  const [search, setSearch] = useSearchState('q');
  const [severity, setSeverity] = useSearchState('severity');
  const [status, setStatus] = useSearchState('status', 'open');
  const [chosen, setChosen] = useSearchState('alert');
  const shown = (alerts.data ?? []).filter(
    (alert) =>
      (!severity || asSeverity(alert.properties.severity) === severity) &&
      (status === 'all' || (status === 'open') === isOpenAlert(alert)) &&
      (!search || `${alert.properties.alertDisplayName} ${alert.properties.compromisedEntity ?? ''}`.toLowerCase().includes(search.toLowerCase())),
  );
  const open = alerts.data?.find((alert) => alert.name === chosen);
  return (
    <Page title="Security alerts" subtitle="What sensors and rules found">
      <FilterBar search={search} onSearch={setSearch} searchLabel="Filter by title or resource" count={alerts.data ? countOf(shown.length, 'alert') : ''}
        filters={[
          { label: 'Severity', value: severity, onChange: setSeverity, options: severities.map((text) => ({ value: text, text })) },
          { label: 'Status', value: status === 'all' ? '' : status, onChange: (value) => setStatus(value || 'all'), options: [{ value: 'open', text: 'Active' }, { value: 'closed', text: 'Resolved or dismissed' }] },
        ]} />
      <Card flush>
        <Loaded query={alerts} what="alerts">
          {(all) => (
            <DataTable label="Security alerts" columns={columns} rows={shown} rowKey={(row) => row.id} initialSort={{ id: 'time', descending: true }} minWidth={940}
              empty={<EmptyState icon={<ShieldCheckmarkRegular />} title={all.length === 0 ? 'No alerts' : 'No alert matches'}>{all.length === 0 ? 'Alerts appear here the moment they are raised.' : 'Change the filters to see more.'}</EmptyState>} />
          )}
        </Loaded>
      </Card>
      <AlertPanel alert={open} onClose={() => setChosen('')} />
    </Page>
  );
}
