import { makeStyles, tokens } from '@fluentui/react-components';
import { ShieldCheckmarkRegular } from '@fluentui/react-icons/svg/shield-checkmark';
import { useIncidents } from '@/api/incidents';
import { asSeverity, severities } from '@/lib/severity';
import { countOf } from '@/lib/units';
import { Card } from '@/ui/Card';
import { DataTable } from '@/ui/DataTable';
import { FilterBar } from '@/ui/FilterBar';
import { Page } from '@/ui/Page';
import { EmptyState, Loaded } from '@/ui/states';
import { useSearchState } from '@/ui/use-search-state';
import { columns } from './columns';

const useStyles = makeStyles({
  tiles: { display: 'flex', gap: '40px', flexWrap: 'wrap', padding: '4px 0' },
  tile: { display: 'flex', flexDirection: 'column' },
  number: { fontSize: '26px', lineHeight: '32px', fontWeight: tokens.fontWeightSemibold, fontVariantNumeric: 'tabular-nums' },
  name: { color: tokens.colorNeutralForeground3, fontSize: tokens.fontSizeBase200 },
});

export default function IncidentsPage() {
  const styles = useStyles();
  const incidents = useIncidents();
  const [search, setSearch] = useSearchState('q');
  const [severity, setSeverity] = useSearchState('severity');
  const [status, setStatus] = useSearchState('status', 'open');
  const all = incidents.data ?? [];
  const shown = all.filter(
    ({ properties }) =>
      (!severity || asSeverity(properties.severity) === severity) &&
      (status === 'all' || (status === 'open' ? properties.status !== 'Closed' : properties.status === status)) &&
      (!search || `${properties.title} ${String(properties.incidentNumber ?? '')}`.toLowerCase().includes(search.toLowerCase())),
  );
  const count = (wanted: string) => all.filter((incident) => incident.properties.status === wanted).length;
  return (
    <Page title="Incidents" subtitle="Alerts that belong together, to be investigated as one case">
      <div className={styles.tiles} role="list" aria-label="Totals">
        {([['Open incidents', count('New') + count('Active')], ['New', count('New')], ['Active', count('Active')], ['Closed', count('Closed')]] as const).map(([name, value]) => (
          <div key={name} className={styles.tile} role="listitem">
            <span className={styles.number}>{incidents.data ? value : '–'}</span>
            <span className={styles.name}>{name}</span>
          </div>
        ))}
      </div>
      <FilterBar search={search} onSearch={setSearch} searchLabel="Filter by title or number" count={incidents.data ? countOf(shown.length, 'incident') : ''}
        filters={[
          { label: 'Severity', value: severity, onChange: setSeverity, options: severities.map((text) => ({ value: text, text })) },
          { label: 'Status', value: status === 'all' ? '' : status, onChange: (value) => setStatus(value || 'all'), options: [{ value: 'open', text: 'New, Active' }, { value: 'New', text: 'New' }, { value: 'Active', text: 'Active' }, { value: 'Closed', text: 'Closed' }] },
        ]} />
      <Card flush>
        <Loaded query={incidents} what="incidents">
          {(loaded) => (
            <DataTable label="Incidents" columns={columns} rows={shown} rowKey={(row) => row.id} initialSort={{ id: 'created', descending: true }} minWidth={940}
              empty={<EmptyState icon={<ShieldCheckmarkRegular />} title={loaded.length === 0 ? 'No incidents' : 'No incident matches'}>{loaded.length === 0 ? 'Incidents appear here as soon as a rule raises them.' : 'Change the filters to see more.'}</EmptyState>} />
          )}
        </Loaded>
      </Card>
    </Page>
  );
}
