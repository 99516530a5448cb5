/** Rows and columns of the inventory. */
import { Tooltip } from '@fluentui/react-components';
import { assessedResource } from '@/api/assessments';
import { isConnected, monitoringOf, type Monitoring } from '@/api/monitoring';
import type { Assessment, Machine, MachineExtension } from '@/api/types';
import { paths } from '@/lib/paths';
import { AppLink } from '@/ui/AppLink';
import type { Column } from '@/ui/DataTable';
import { Status } from '@/ui/Status';

export interface InventoryRow {
  machine: Machine;
  monitoring: Monitoring | undefined;
  defender: string;
  unhealthy: number;
}

export function inventoryRows(
  machines: readonly Machine[],
  extensions: ReadonlyMap<string, MachineExtension[]>,
  assessments: readonly Assessment[],
  defender: string,
): InventoryRow[] {
  const unhealthy = new Map<string, number>();
  for (const assessment of assessments) {
    if (assessment.properties.status.code !== 'Unhealthy') continue;
    const id = assessedResource(assessment).toLowerCase();
    unhealthy.set(id, (unhealthy.get(id) ?? 0) + 1);
  }
  return machines.map((machine) => {
    const id = machine.id.toLowerCase();
    const installed = extensions.get(id);
    return {
      machine,
      monitoring: installed && monitoringOf(machine, installed),
      defender,
      unhealthy: unhealthy.get(id) ?? 0,
    };
  });
}

export function osText(machine: Machine): string {
  const { osName, osType } = machine.properties;
  return osName || osType || '–';
}

export const columns: readonly Column<InventoryRow>[] = [
  {
    id: 'name', header: 'Resource name', sort: (row) => row.machine.name,
    render: (row) => <AppLink strong to={paths.machine(row.machine.id)}>{row.machine.name}</AppLink>,
  },
  {
    id: 'status', header: 'Status', width: '148px', sort: (row) => row.machine.properties.status ?? '',
    render: (row) => <Status tone={isConnected(row.machine) ? 'good' : 'bad'}>{row.machine.properties.status ?? 'Unknown'}</Status>,
  },
  {
    id: 'monitoring', header: 'Monitoring', width: '142px', sort: (row) => Number(row.monitoring?.monitored ?? false),
    render: ({ monitoring }) => {
      if (!monitoring) return '…';
      if (monitoring.monitored) return <Status tone="good">Monitored</Status>;
      return (
        <Tooltip relationship="description" content={monitoring.reasons.join('. ')}>
          <span tabIndex={0}><Status tone="warn">Not monitored</Status></span>
        </Tooltip>
      );
    },
  },
  { id: 'defender', header: 'Defender', width: '96px', sort: (row) => row.defender, render: (row) => row.defender },
  {
    id: 'unhealthy', header: 'Recommendations', width: '148px', align: 'end', sort: (row) => row.unhealthy,
    render: (row) => (row.unhealthy === 0 ? <span title="No unhealthy recommendations">0</span> : <AppLink to={paths.machine(row.machine.id, 'recommendations')}>{row.unhealthy} unhealthy</AppLink>),
  },
  { id: 'os', header: 'Operating system', width: '22%', sort: (row) => osText(row.machine), render: (row) => <span title={osText(row.machine)}>{osText(row.machine)}</span> },
  { id: 'agent', header: 'Agent', width: '86px', sort: (row) => row.machine.properties.agentVersion ?? '', render: (row) => row.machine.properties.agentVersion ?? '–' },
];
