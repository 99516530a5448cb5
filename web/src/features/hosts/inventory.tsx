/** Rows, filters and columns of the inventory. */
import { Tooltip } from '@fluentui/react-components';
import { coverOf, isConnected, isDirect, tierOf, type Cover, type Tier, type TierParts } from '@/api/monitoring';
import type { Machine, MachineExtension, Pricing } from '@/api/types';
import { parseArmId } from '@/lib/arm-id';
import { paths } from '@/lib/paths';
import { AppLink } from '@/ui/AppLink';
import type { Column } from '@/ui/DataTable';
import type { Tone } from '@/ui/palette';
import { Status } from '@/ui/Status';

export interface InventoryRow {
  machine: Machine;
  /** Undefined until extensions and plans are loaded. */
  cover: Cover | undefined;
  tier: Tier | undefined;
  group: string;
  /** Keys of the recommendations that it does not follow. */
  unhealthy: readonly string[];
}

interface Sources {
  extensions: ReadonlyMap<string, MachineExtension[]>;
  unhealthy: ReadonlyMap<string, readonly string[]> | undefined;
  plan: Pricing | undefined;
  overrides: ReadonlyMap<string, Pricing> | undefined;
  brings: TierParts | undefined;
}

const none: readonly string[] = [];

export function inventoryRows(machines: readonly Machine[], { extensions, unhealthy, plan, overrides, brings }: Sources): InventoryRow[] {
  return machines.map((machine) => {
    const id = machine.id.toLowerCase();
    const installed = extensions.get(id);
    const tier = overrides && plan ? tierOf(overrides.get(id) ?? plan) : undefined;
    return { machine, tier, cover: installed && tier && brings ? coverOf(machine, installed, tier, brings) : undefined, group: parseArmId(machine.id).resourceGroup ?? '', unhealthy: unhealthy?.get(id) ?? none };
  });
}

export interface InventoryFilter {
  search: string;
  status: string;
  defender: string;
  monitoring: string;
  plan: string;
  kind: string;
  group: string;
  os: string;
  /** `name=value`. */
  tag: string;
  recommendation: string;
}

export function matches(row: InventoryRow, filter: InventoryFilter): boolean {
  if (filter.search && !row.machine.name.toLowerCase().includes(filter.search.toLowerCase())) return false;
  if (filter.status && (filter.status === 'connected') !== isConnected(row.machine)) return false;
  if (filter.defender && row.cover?.protection !== filter.defender) return false;
  if (filter.monitoring && row.cover?.monitoring !== monitoringNames[filter.monitoring]) return false;
  if (filter.plan && row.tier !== filter.plan) return false;
  if (filter.kind && kindText(row.machine) !== filter.kind) return false;
  if (filter.group && row.group.toLowerCase() !== filter.group.toLowerCase()) return false;
  if (filter.os && osText(row.machine) !== filter.os) return false;
  if (filter.recommendation && !row.unhealthy.includes(filter.recommendation)) return false;
  return !filter.tag || hasTag(row.machine, filter.tag);
}

/** Monitoring states as they stand in addresses. */
export const monitoringNames: Record<string, string> = { yes: 'Monitored', not: 'Not monitored', un: 'Unmonitored' };

function hasTag(machine: Machine, tag: string): boolean {
  const at = tag.indexOf('=');
  const name = tag.slice(0, at).toLowerCase();
  return Object.entries(machine.tags ?? {}).some(([own, value]) => own.toLowerCase() === name && value === tag.slice(at + 1));
}

/** Every `name=value` in use. */
export function tagsIn(machines: readonly Machine[]): string[] {
  return [...new Set(machines.flatMap((machine) => Object.entries(machine.tags ?? {}).map(([name, value]) => `${name}=${value}`)))].sort();
}

export function osText(machine: Machine): string {
  const { osName, osType } = machine.properties;
  return osName || osType || '–';
}

/** The code of the country from which the machine was heard. */
function countryText({ machine }: InventoryRow): string {
  return machine.properties.agentReport?.location?.countryCode ?? '–';
}

/** Where the machine comes from, as Azure's kinds name it. */
export function kindText(machine: Machine): string {
  return isDirect(machine) ? 'Server (direct onboarding)' : machine.kind || 'Server';
}

export function planText(tier: Tier | undefined): string {
  return tier === undefined ? '…' : tier === 'Free' ? 'Off' : `Plan ${tier.slice(1)}`;
}

const tones: Record<string, Tone> = { On: 'good', Partial: 'warn', Off: 'neutral', Monitored: 'good', 'Not monitored': 'warn', Unmonitored: 'neutral' };

function withReasons(cover: Cover, text: string) {
  if (cover.reasons.length === 0) return <Status tone={tones[text] ?? 'neutral'}>{text}</Status>;
  return (
    <Tooltip relationship="description" content={`${cover.reasons.join('. ')}.`}>
      <span tabIndex={0}><Status tone={tones[text] ?? 'neutral'}>{text}</Status></span>
    </Tooltip>
  );
}

export const columns: readonly Column<InventoryRow>[] = [
  {
    id: 'name', header: 'Resource name', width: 'minmax(130px, 1fr)', sort: (row) => row.machine.name,
    render: ({ machine }) => <>{<AppLink strong to={paths.machine(machine.id)}>{machine.name}</AppLink>}{isDirect(machine) && <span title="Onboarded directly: the sensor only"> · direct</span>}</>,
  },
  {
    id: 'status', header: 'Status', width: '116px', sort: (row) => row.machine.properties.status ?? '',
    render: (row) => <Status tone={isConnected(row.machine) ? 'good' : 'bad'}>{row.machine.properties.status ?? 'Unknown'}</Status>,
  },
  { id: 'monitoring', header: 'Monitoring', width: '120px', sort: (row) => row.cover?.monitoring ?? '', render: ({ cover }) => (cover ? withReasons(cover, cover.monitoring) : '…') },
  { id: 'defender', header: 'Defender', width: '84px', sort: (row) => row.cover?.protection ?? '', render: ({ cover }) => (cover ? <Status tone={tones[cover.protection] ?? 'neutral'}>{cover.protection}</Status> : '…') },
  { id: 'plan', header: 'Plan', width: '58px', sort: (row) => row.tier ?? '', render: (row) => planText(row.tier) },
  {
    id: 'unhealthy', header: 'Recommendations', width: '112px', align: 'end', sort: (row) => row.unhealthy.length,
    render: (row) => (row.unhealthy.length === 0 ? <span title="No unhealthy recommendations">0</span> : <AppLink to={paths.machine(row.machine.id, 'recommendations')}>{row.unhealthy.length} unhealthy</AppLink>),
  },
  { id: 'group', header: 'Resource group', width: '100px', sort: (row) => row.group, render: (row) => <span title={row.group}>{row.group}</span> },
  { id: 'country', header: 'Country', width: '68px', sort: countryText, render: (row) => <span title={row.machine.properties.agentReport?.location?.country ?? 'Not known'}>{countryText(row)}</span> },
  { id: 'os', header: 'Operating system', width: 'minmax(110px, 1fr)', sort: (row) => osText(row.machine), render: (row) => <span title={osText(row.machine)}>{osText(row.machine)}</span> },
];
