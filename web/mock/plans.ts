/** What plans include, and the hours that were metered. */
import { hosts, type Item } from './hosts.ts';
import { machineId, security } from './ids.ts';

type Reply = { status: number; body?: unknown } | undefined;

const protection = (protects: string, lacks: string, switchable: boolean) => ({ state: 'Off', protects, lacks, switchable });

export const planItems: Item[] = [
  { name: 'VirtualMachines', tier: 'Standard', subPlan: 'P2', about: { ...protection('Endpoint sensor and log collection; with P2 also the inventory', '', true), state: 'On' } },
  { name: 'CloudPosture', tier: 'Free', about: protection('Software inventory on servers', 'Attack paths', true) },
  { name: 'SqlServerVirtualMachines', tier: 'Free', about: protection('', 'There is no extension that watches databases', true) },
  { name: 'Containers', tier: 'Free', about: protection('', 'There is no sensor for containers', true) },
  { name: 'KeyVaults', tier: 'Free', about: protection('', 'There are no vaults here', false) },
].map(({ name, tier, subPlan, about }) => ({
  id: `${security}/pricings/${name}`, name, type: 'Microsoft.Security/pricings',
  properties: { pricingTier: tier, ...(subPlan ? { subPlan } : {}), enforce: 'False', ...(tier === 'Standard' ? { enablementTime: '2026-01-01T00:00:00Z' } : {}), freeTrialRemainingTime: 'PT0S', resourcesCoverageStatus: tier === 'Standard' ? 'FullyCovered' : 'NotCovered', protection: about },
}));

const features = [
  { name: 'foundationalPosture', title: 'Recommendations and secure score', plans: ['Foundational', 'P1', 'P2', 'CloudPosture'], state: 'On', extension: null },
  { name: 'endpointDetection', title: 'Endpoint detection with alerts and incidents', plans: ['P1', 'P2'], state: 'On', extension: 'MDE.Linux' },
  { name: 'logCollection', title: 'Heartbeat, system log and counters', plans: ['P1', 'P2'], state: 'On', extension: 'AzureMonitorLinuxAgent' },
  { name: 'softwareInventory', title: 'Software, services and scheduled tasks', plans: ['P2', 'CloudPosture'], state: 'On', extension: 'ChangeTracking-Linux' },
  { name: 'networkMap', title: 'Network map', plans: ['P2'], state: 'NotAvailable', extension: null },
];

/** Answers about plans that are no resources. */
export function planAnswer(path: string): Reply {
  const scope = /^(.*)\/providers\/Bartizan\.Security\/features$/i.exec(path)?.[1];
  if (scope) {
    const value = features.map(({ name, title, plans, state, extension }) => ({
      id: `${path}/${name}`, name, type: 'Bartizan.Security/features',
      properties: { displayName: title, plans, extension, state, reason: state === 'On' ? 'As it should be.' : 'There is no map yet.', remedy: '' },
    }));
    return { status: 200, body: { value } };
  }
  const asked = /\/providers\/Bartizan\.Security\/usageReports\/([^/]+)$/i.exec(path)?.[1];
  if (!asked) return undefined;
  const month = asked === 'current' ? '2026-01' : asked;
  const hours = { serversP1: 0, serversP2: 240, posture: 0 };
  const machines = hosts.map((host) => ({ id: machineId(host.name), name: host.name, resourceGroup: 'production', hours, freeHours: { ...hours, serversP2: 12 }, amount: 4.93 }));
  const total = { hours: { ...hours, serversP2: 240 * machines.length }, freeHours: { ...hours, serversP2: 12 * machines.length }, amount: Number((4.93 * machines.length).toFixed(2)) };
  const prices = { currency: 'EUR', serversP1Hour: 0.00685, serversP2Hour: 0.020548, postureHour: 0.00685 };
  return { status: 200, body: { id: path, name: month, type: 'Bartizan.Security/usageReports', properties: { month, complete: false, months: ['2026-01', '2025-12'], prices, total, machines, days: [], includedData: [] } } };
}
