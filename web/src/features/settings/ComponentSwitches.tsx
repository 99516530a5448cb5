import { makeStyles, Switch, tokens } from '@fluentui/react-components';
import { useComponentSwitches, useSetComponent, type ComponentName } from '@/api/security-settings';
import { tierOf } from '@/api/monitoring';
import { serversPlanOf, usePlans } from '@/api/plans';
import { Card } from '@/ui/Card';
import { DataTable, type Column } from '@/ui/DataTable';
import { useNotify } from '@/ui/notify';
import { ErrorState } from '@/ui/states';

const useStyles = makeStyles({
  name: { display: 'flex', flexDirection: 'column' },
  title: { fontWeight: tokens.fontWeightSemibold },
  faint: { color: tokens.colorNeutralForeground3, fontSize: tokens.fontSizeBase200 },
});

interface Component {
  name: ComponentName;
  title: string;
  extension: string;
  needed: string;
  from: 'P1' | 'P2';
}

const components: readonly Component[] = [
  { name: 'sensor', title: 'Endpoint protection', extension: 'MDE.Linux', needed: 'Detections, alerts and incidents; recommendations on endpoint protection', from: 'P1' },
  { name: 'monitor', title: 'Log collection', extension: 'AzureMonitorLinuxAgent', needed: 'Heartbeat, syslog and counters: queries, rules and evidence', from: 'P1' },
  { name: 'inventory', title: 'Inventory and change tracking', extension: 'ChangeTracking-Linux', needed: 'Software, services and scheduled tasks; changes to files', from: 'P2' },
];

/** What provisioning puts on servers, component by component. */
export function ComponentSwitches() {
  const styles = useStyles();
  const notify = useNotify();
  const { states, error, refetch } = useComponentSwitches();
  const set = useSetComponent();
  const tier = tierOf(serversPlanOf(usePlans().data));
  const lacks = (row: Component) => tier === 'Free' || (tier === 'P1' && row.from === 'P2');
  const columns: Column<Component>[] = [
    { id: 'name', header: 'Component', width: '30%', wrap: true, render: (row) => <span className={styles.name}><span className={styles.title}>{row.title}</span><span className={styles.faint}>{row.extension}</span></span> },
    { id: 'needed', header: 'What needs it', wrap: true, render: (row) => row.needed },
    { id: 'plan', header: 'Plan', width: '170px', wrap: true, render: (row) => (lacks(row) ? <span className={styles.faint}>{tier === 'Free' ? 'The Servers plan is off' : 'Not in plan 1: choose plan 2'}</span> : `Plan ${row.from.slice(1)}${row.from === 'P1' ? ' and 2' : ''}`) },
    {
      id: 'switch', header: 'Status', width: '120px',
      render: (row) => <Switch checked={states[row.name] ?? false} disabled={states[row.name] === undefined || set.isPending} label={states[row.name] ? 'On' : 'Off'} aria-label={row.title}
        onChange={(_, data) => set.mutate({ name: row.name, on: data.checked }, { onSuccess: () => notify.done(`${row.title} is ${data.checked ? 'on' : 'off'}`, data.checked ? 'Servers without it get it now.' : 'What it deployed is removed from servers.') })} />,
    },
  ];
  return (
    <Card flush title="Components">
      {(error ?? set.error) !== null && <ErrorState error={error ?? set.error} what="The switches could not be read or set" retry={refetch} />}
      <DataTable label="Components" columns={columns} rows={components} rowKey={(row) => row.name} minWidth={720} />
    </Card>
  );
}
