import { Button, makeStyles, tokens } from '@fluentui/react-components';
import { AddRegular } from '@fluentui/react-icons/svg/add';
import { ServerRegular } from '@fluentui/react-icons/svg/server';
import { useMemo } from 'react';
import { useNavigate } from 'react-router';
import { useAssessments } from '@/api/assessments';
import { useExtensionsOf, useMachines } from '@/api/machines';
import { isConnected } from '@/api/monitoring';
import { isOn, serversPlanOf, usePlans } from '@/api/plans';
import { paths } from '@/lib/paths';
import { countOf } from '@/lib/units';
import { Card } from '@/ui/Card';
import { DataTable } from '@/ui/DataTable';
import { FilterBar } from '@/ui/FilterBar';
import { Page } from '@/ui/Page';
import { EmptyState, Loaded } from '@/ui/states';
import { useSearchState } from '@/ui/use-search-state';
import { columns, inventoryRows, osText, type InventoryRow } from './inventory';

const useStyles = makeStyles({
  tiles: { display: 'flex', gap: '40px', flexWrap: 'wrap', padding: '4px 0' },
  tile: { display: 'flex', flexDirection: 'column' },
  number: { fontSize: '26px', lineHeight: '32px', fontWeight: tokens.fontWeightSemibold, fontVariantNumeric: 'tabular-nums' },
  name: { color: tokens.colorNeutralForeground3, fontSize: tokens.fontSizeBase200 },
});

export default function InventoryPage() {
  const styles = useStyles();
  const navigate = useNavigate();
  const machines = useMachines();
  const extensions = useExtensionsOf(machines.data ?? []);
  const assessments = useAssessments();
  const plans = usePlans();
  const [search, setSearch] = useSearchState('q');
  const [status, setStatus] = useSearchState('status');
  const [monitoring, setMonitoring] = useSearchState('monitoring');
  const [os, setOs] = useSearchState('os');

  const plan = serversPlanOf(plans.data);
  const defender = !plans.data ? '…' : isOn(plan) ? `On (${plan?.properties.subPlan ?? 'Standard'})` : 'Off';
  const rows = useMemo(
    () => inventoryRows(machines.data ?? [], extensions, assessments.data ?? [], defender),
    [machines.data, extensions, assessments.data, defender],
  );
  const shown = rows.filter((row) => matches(row, { search, status, monitoring, os }));
  const systems = [...new Set(rows.map((row) => osText(row.machine)))].sort();
  const add = <Button appearance="primary" icon={<AddRegular />} onClick={() => void navigate(paths.addServers())}>Add servers</Button>;

  return (
    <Page title="Inventory" subtitle="Every server that is connected, and whether it is protected" actions={add}>
      <div className={styles.tiles} role="list" aria-label="Totals">
        {[
          ['Total servers', rows.length],
          ['Unhealthy servers', rows.filter((row) => row.unhealthy > 0).length],
          ['Not monitored', rows.filter((row) => row.monitoring && !row.monitoring.monitored).length],
          ['Not connected', rows.filter((row) => !isConnected(row.machine)).length],
        ].map(([name, value]) => (
          <div key={name} className={styles.tile} role="listitem">
            <span className={styles.number}>{machines.data ? value : '–'}</span>
            <span className={styles.name}>{name}</span>
          </div>
        ))}
      </div>
      <FilterBar search={search} onSearch={setSearch} searchLabel="Filter by name"
        count={machines.data ? countOf(shown.length, 'server') : ''}
        filters={[
          { label: 'Status', value: status, onChange: setStatus, options: [{ value: 'connected', text: 'Connected' }, { value: 'other', text: 'Not connected' }] },
          { label: 'Monitoring', value: monitoring, onChange: setMonitoring, options: [{ value: 'yes', text: 'Monitored' }, { value: 'not', text: 'Not monitored' }] },
          { label: 'System', value: os, onChange: setOs, options: systems.map((text) => ({ value: text, text })) },
        ]} />
      <Card flush>
        <Loaded query={machines} what="servers">
          {(all) => (
            <DataTable label="Servers" columns={columns} rows={shown} rowKey={(row) => row.machine.id} initialSort={{ id: 'name' }} minWidth={980}
              empty={
                all.length === 0 ? (
                  <EmptyState icon={<ServerRegular />} title="No servers yet" action={add}>Generate a script, run it on a machine, and it appears here within seconds.</EmptyState>
                ) : (
                  <EmptyState title="No server matches">Change the filters to see more.</EmptyState>
                )
              } />
          )}
        </Loaded>
      </Card>
    </Page>
  );
}

function matches(row: InventoryRow, filter: { search: string; status: string; monitoring: string; os: string }): boolean {
  if (filter.search && !row.machine.name.toLowerCase().includes(filter.search.toLowerCase())) return false;
  if (filter.status && (filter.status === 'connected') !== isConnected(row.machine)) return false;
  if (filter.monitoring && (filter.monitoring === 'yes') !== (row.monitoring?.monitored ?? false)) return false;
  return !filter.os || osText(row.machine) === filter.os;
}
