import { makeStyles } from '@fluentui/react-components';
import { useExtensionsOf } from '@/api/fleet';
import { useMachines } from '@/api/machines';
import { extensionFor, isConnected, type Part } from '@/api/monitoring';
import { useFailingStates, usePolicySummary } from '@/api/policy';
import { isOn, serversPlanOf, usePlans } from '@/api/plans';
import { useSession } from '@/api/session';
import type { Machine, MachineExtension } from '@/api/types';
import { paths } from '@/lib/paths';
import { AppLink } from '@/ui/AppLink';
import { Card } from '@/ui/Card';
import { DataTable, type Column } from '@/ui/DataTable';
import { ProvisioningStatus } from '@/ui/ProvisioningStatus';
import { EmptyState, Loaded } from '@/ui/states';
import { Status } from '@/ui/Status';
import { ComponentSwitches } from './ComponentSwitches';
import { ComplianceProgress } from './ComplianceProgress';
import { SettingsFrame } from './SettingsFrame';

const useStyles = makeStyles({ cell: { display: 'flex', flexDirection: 'column' } });

interface Row {
  machine: Machine;
  extensions: readonly MachineExtension[] | undefined;
  compliant: boolean | undefined;
}

/** Provisioning of every extension on every server, live. */
export default function ProvisioningPage() {
  const session = useSession();
  const machines = useMachines();
  const extensions = useExtensionsOf(machines.data ?? []);
  const summary = usePolicySummary();
  const failing = useFailingStates();
  const lacking = new Set((failing.data ?? []).map(({ resourceId }) => resourceId.toLowerCase()));
  const plans = usePlans();
  const on = isOn(serversPlanOf(plans.data));
  const rows = (machines.data ?? []).map((machine): Row => {
    const id = machine.id.toLowerCase();
    const own = extensions.get(id);
    return { machine, extensions: own, compliant: complianceOf(lacking.has(id), own) };
  });
  return (
    <SettingsFrame title="Settings and monitoring">
      <Card title="Progress">
        {plans.data && !on ? <EmptyState title="Defender for Servers is off" action={<AppLink to={paths.plans(session.subscriptionId)}>Turn it on</AppLink>}>Nothing is deployed to servers while the plan is off.</EmptyState> : <ComplianceProgress summary={summary.data} />}
      </Card>
      <ComponentSwitches />
      <Card flush title="Extensions by server">
        <Loaded query={machines} what="servers">
          {() => <DataTable label="Extensions by server" columns={columns} rows={rows} rowKey={(row) => row.machine.id} initialSort={{ id: 'name' }} minWidth={820} empty={<EmptyState title="No servers yet" action={<AppLink to={paths.addServers()}>Add servers</AppLink>} />} />}
        </Loaded>
      </Card>
    </SettingsFrame>
  );
}

/** A server that was not evaluated yet has nothing that failed, and nothing that runs. */
function complianceOf(lacks: boolean, extensions: readonly MachineExtension[] | undefined): boolean | undefined {
  if (lacks) return false;
  const runs = extensions && extensions.length > 0 && extensions.every(({ properties }) => properties.provisioningState === 'Succeeded');
  return runs ? true : undefined;
}

const columns: readonly Column<Row>[] = [
  {
    id: 'name', header: 'Server', width: '16%', sort: (row) => row.machine.name,
    render: (row) => <AppLink strong to={paths.machine(row.machine.id)}>{row.machine.name}</AppLink>,
  },
  { id: 'agent', header: 'Agent', width: '150px', sort: (row) => row.machine.properties.status ?? '', render: (row) => <Status tone={isConnected(row.machine) ? 'good' : 'bad'}>{row.machine.properties.status ?? 'Unknown'}</Status> },
  extensionColumn('sensor', 'Endpoint sensor'),
  extensionColumn('monitor', 'Log collection'),
  extensionColumn('inventory', 'Inventory'),
  { id: 'compliance', header: 'Compliance', width: '170px', sort: (row) => Number(row.compliant ?? false), render: (row) => <Compliance compliant={row.compliant} /> },
];

function extensionColumn(part: Part, header: string): Column<Row> {
  return { id: part, header, wrap: true, render: (row) => <ExtensionCell extension={row.extensions && extensionFor(part, row.extensions)} loaded={row.extensions !== undefined} /> };
}

function ExtensionCell({ extension, loaded }: { extension: MachineExtension | undefined; loaded: boolean }) {
  const styles = useStyles();
  if (!loaded) return <span>…</span>;
  if (!extension) return <Status tone="neutral">Not installed</Status>;
  const message = extension.properties.instanceView?.status?.message;
  return (
    <span className={styles.cell} title={message}>
      <ProvisioningStatus state={extension.properties.provisioningState} />
    </span>
  );
}

function Compliance({ compliant }: { compliant: boolean | undefined }) {
  if (compliant === undefined) return <span>–</span>;
  return <Status tone={compliant ? 'good' : 'warn'}>{compliant ? 'Compliant' : 'Non-compliant'}</Status>;
}
