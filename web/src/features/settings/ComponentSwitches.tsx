import { makeStyles, Switch, tokens } from '@fluentui/react-components';
import { useComponents, useSetComponent, type ComponentName } from '@/api/security-settings';
import type { PlanComponent } from '@/api/types';
import { countOf } from '@/lib/units';
import { Card } from '@/ui/Card';
import { DataTable, type Column } from '@/ui/DataTable';
import { useNotify } from '@/ui/notify';
import type { Tone } from '@/ui/palette';
import { ErrorState, Loaded } from '@/ui/states';
import { Status } from '@/ui/Status';

const useStyles = makeStyles({
  stack: { display: 'flex', flexDirection: 'column', gap: '2px' },
  title: { fontWeight: tokens.fontWeightSemibold },
  faint: { color: tokens.colorNeutralForeground3, fontSize: tokens.fontSizeBase200, lineHeight: tokens.lineHeightBase200 },
  list: { margin: 0, paddingLeft: '16px' },
});

const tones: Record<PlanComponent['properties']['state'], Tone> = { On: 'good', Partial: 'warn', Off: 'neutral', NotAvailable: 'neutral' };
const words: Record<PlanComponent['properties']['state'], string> = { On: 'On', Partial: 'On some servers', Off: 'Off', NotAvailable: 'Not available here' };
const planWords: Record<string, string> = { P1: 'plan 1', P2: 'plan 2', CloudPosture: 'CSPM', Foundational: 'every plan' };

/** What can be put on servers, component by component: what needs it, how it is doing, and its switch. */
export function ComponentSwitches() {
  const styles = useStyles();
  const notify = useNotify();
  const components = useComponents();
  const set = useSetComponent();
  const turn = ({ name, properties }: PlanComponent, on: boolean) => set.mutate({ name: name as ComponentName, on }, {
    onSuccess: () => notify.done(`${properties.displayName} is ${on ? 'on' : 'off'}`, on ? 'Servers without it get it now.' : 'What it deployed is removed from servers.'),
  });
  const columns: Column<PlanComponent>[] = [
    {
      id: 'name', header: 'Component', width: '26%', wrap: true,
      render: ({ properties }) => (
        <span className={styles.stack}>
          <span className={styles.title}>{properties.displayName}</span>
          <span className={styles.faint}>{properties.extension}</span>
          <span className={styles.faint}>{properties.description}</span>
        </span>
      ),
    },
    {
      id: 'needed', header: 'What needs it', width: '25%', wrap: true,
      render: ({ properties }) => (properties.features.length === 0 ? '–' : (
        <ul className={styles.list}>
          {properties.features.map((feature) => <li key={feature.name}>{feature.displayName} <span className={styles.faint}>({feature.plans.map((plan) => planWords[plan] ?? plan).join(', ')})</span></li>)}
        </ul>
      )),
    },
    { id: 'servers', header: 'Servers', width: '150px', wrap: true, render: ({ properties }) => <Servers of={properties} /> },
    {
      id: 'state', header: 'State', wrap: true,
      render: ({ properties }) => (
        <span className={styles.stack}>
          <Status tone={tones[properties.state]}>{words[properties.state]}</Status>
          <span className={styles.faint}>{properties.reason}</span>
          {properties.remedy && <span className={styles.faint}>{properties.remedy}</span>}
        </span>
      ),
    },
    {
      id: 'switch', header: 'Deploy', width: '120px',
      render: (row) => {
        const { available, displayName, switch: place } = row.properties;
        const on = available && place?.isOn === true;
        return <Switch checked={on} disabled={!available || set.isPending} label={on ? 'On' : 'Off'} aria-label={displayName} title={available ? undefined : 'It cannot be deployed by this server'} onChange={(_, data) => turn(row, data.checked)} />;
      },
    },
  ];
  return (
    <Card flush title="Components">
      {set.error !== null && <ErrorState error={set.error} what="The switch was not set" />}
      <Loaded query={components} what="components">
        {(rows) => <DataTable label="Components" columns={columns} rows={rows} rowKey={(row) => row.name} minWidth={900} />}
      </Loaded>
    </Card>
  );
}

/** On how many servers it is, of those that should have it, and what is in the way of the others. */
function Servers({ of: { available, machines } }: { of: PlanComponent['properties'] }) {
  const styles = useStyles();
  if (!available) return <span className={styles.faint}>–</span>;
  const rest = [
    [machines.failed, 'failed'], [machines.pending, 'under way'], [machines.missing, 'without it'],
  ].filter(([count]) => count !== 0).map(([count, word]) => `${count} ${word}`);
  return (
    <span className={styles.stack}>
      <span>{machines.wanted === 0 ? `Wanted on none of ${countOf(machines.total, 'server')}` : `On ${machines.installed} of ${countOf(machines.wanted, 'server')}`}</span>
      {rest.length > 0 && <span className={styles.faint}>{rest.join(', ')}</span>}
      {machines.sensorOnly > 0 && <span className={styles.faint}>{countOf(machines.sensorOnly, 'server')} onboarded directly {machines.sensorOnly === 1 ? 'goes' : 'go'} without</span>}
    </span>
  );
}
