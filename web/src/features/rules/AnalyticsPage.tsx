import { Switch } from '@fluentui/react-components';
import { useAlertRules, useEnableRule } from '@/api/rules';
import type { AlertRule } from '@/api/types';
import { formatDuration } from '@/lib/dates';
import { paths } from '@/lib/paths';
import { severities, severityRank, asSeverity } from '@/lib/severity';
import { countOf } from '@/lib/units';
import { AppLink } from '@/ui/AppLink';
import { Card } from '@/ui/Card';
import { DataTable, type Column } from '@/ui/DataTable';
import { FilterBar } from '@/ui/FilterBar';
import { useNotify } from '@/ui/notify';
import { Page } from '@/ui/Page';
import { SeverityLabel } from '@/ui/Severity';
import { EmptyState, Loaded } from '@/ui/states';
import { Status } from '@/ui/Status';
import { useSearchState } from '@/ui/use-search-state';
import { When } from '@/ui/When';

const columns: readonly Column<AlertRule>[] = [
  { id: 'enabled', header: 'Enabled', width: '92px', sort: (row) => Number(row.properties.enabled ?? false), render: (row) => <RuleSwitch rule={row} /> },
  { id: 'severity', header: 'Severity', width: '124px', sort: (row) => severityRank(row.properties.severity), render: (row) => <SeverityLabel severity={row.properties.severity} /> },
  {
    id: 'name', header: 'Name', wrap: true, sort: (row) => row.properties.displayName ?? row.name,
    render: (row) => (row.properties.query ? <AppLink to={paths.logs({ q: row.properties.query, range: '24h' })} title="Open the query in Logs">{row.properties.displayName ?? row.name}</AppLink> : row.properties.displayName ?? row.name),
  },
  { id: 'kind', header: 'Rule type', width: '100px', sort: (row) => row.kind ?? '', render: (row) => row.kind ?? '–' },
  { id: 'every', header: 'Runs', width: '136px', render: (row) => (row.kind === 'NRT' ? 'As rows arrive' : row.properties.queryFrequency ? `Every ${formatDuration(row.properties.queryFrequency)}` : '–') },
  { id: 'tactics', header: 'Tactics', width: '14%', render: (row) => <span title={row.properties.tactics?.join(', ')}>{row.properties.tactics?.join(', ') || '–'}</span> },
  { id: 'run', header: 'Health', width: '190px', render: (row) => <Health rule={row} /> },
];

/** Analytics rules: what looks for threats, and whether it runs. */
export default function AnalyticsPage() {
  const rules = useAlertRules();
  const [search, setSearch] = useSearchState('q');
  const [severity, setSeverity] = useSearchState('severity');
  const [status, setStatus] = useSearchState('status');
  const shown = (rules.data ?? []).filter(
    ({ name, properties }) =>
      (!search || (properties.displayName ?? name).toLowerCase().includes(search.toLowerCase())) &&
      (!severity || asSeverity(properties.severity) === severity) &&
      (!status || (status === 'enabled') === (properties.enabled ?? false)),
  );
  const active = rules.data?.filter((rule) => rule.properties.enabled).length ?? 0;
  return (
    <Page title="Analytics" subtitle={rules.data ? `${countOf(active, 'active rule')} of ${rules.data.length}` : 'Rules that raise alerts and incidents'}>
      <FilterBar search={search} onSearch={setSearch} searchLabel="Find a rule" count={rules.data ? countOf(shown.length, 'rule') : ''}
        filters={[
          { label: 'Severity', value: severity, onChange: setSeverity, options: severities.map((text) => ({ value: text, text })) },
          { label: 'Status', value: status, onChange: setStatus, options: [{ value: 'enabled', text: 'Enabled' }, { value: 'disabled', text: 'Disabled' }] },
        ]} />
      <Card flush>
        <Loaded query={rules} what="rules">
          {() => <DataTable label="Analytics rules" columns={columns} rows={shown} rowKey={(row) => row.id} initialSort={{ id: 'severity' }} minWidth={900} empty={<EmptyState title="No rule matches" />} />}
        </Loaded>
      </Card>
    </Page>
  );
}

function RuleSwitch({ rule }: { rule: AlertRule }) {
  const enable = useEnableRule();
  const notify = useNotify();
  const title = rule.properties.displayName ?? rule.name;
  return (
    <Switch checked={rule.properties.enabled ?? false} disabled={enable.isPending} aria-label={`Enable ${title}`} style={{ margin: '-8px 0 -8px -8px' }}
      onChange={(_, data) => enable.mutate({ rule, enabled: data.checked }, {
        onSuccess: () => notify.done(data.checked ? 'Rule enabled' : 'Rule disabled', title),
        onError: (error) => notify.failed('The rule was not changed', error),
      })} />
  );
}

function Health({ rule }: { rule: AlertRule }) {
  if (!rule.properties.enabled) return <span>–</span>;
  const health = rule.properties.health;
  if (health?.status !== 'Failed') return <Status tone="good">Healthy</Status>;
  return <Status tone="bad" title={health.message ?? 'The rule cannot run'}>Failed <When at={health.since} /></Status>;
}
