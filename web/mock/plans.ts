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

const components: { name: string; title: string; extension: string; resource?: string; serves: string[]; lacks?: string; instead?: string }[] = [
  { name: 'sensor', title: 'Endpoint protection', extension: 'MDE.Linux', resource: 'settings/WDATP', serves: ['endpointDetection'] },
  { name: 'monitor', title: 'Log collection', extension: 'AzureMonitorLinuxAgent', resource: 'autoProvisioningSettings/default', serves: ['logCollection'] },
  { name: 'inventory', title: 'Inventory and change tracking', extension: 'ChangeTracking-Linux', resource: 'pricings/VirtualMachines', serves: ['softwareInventory'] },
  { name: 'guestConfiguration', title: 'Guest configuration', extension: 'ConfigurationForLinux', serves: [], lacks: 'There is no such extension here, because another one reports the same settings.', instead: 'Inventory and change tracking brings what the operating system checks are decided from.' },
  { name: 'sql', title: 'SQL servers on machines', extension: 'AdvancedThreatProtection.SQL', resource: 'pricings/SqlServerVirtualMachines', serves: [], lacks: 'There is no extension that watches databases.', instead: 'Endpoint protection sees the processes of a database server like any others.' },
];

/** Settings and monitoring, by the switches as they stand. */
export function componentsAnswer(path: string, items: ReadonlyMap<string, Item>): Reply {
  if (!/\/providers\/Bartizan\.Security\/components$/i.test(path)) return undefined;
  const switched = (name: string, resource: string) => {
    const properties = items.get(`${security}/${resource}`.toLowerCase())?.properties ?? {};
    if (name === 'sensor') return properties['enabled'] !== false;
    if (name === 'monitor') return properties['autoProvision'] !== 'Off';
    const extensions = (properties['extensions'] ?? []) as { name: string; isEnabled: string }[];
    return extensions.find((entry) => entry.name === 'FileIntegrityMonitoring')?.isEnabled !== 'False';
  };
  const value = components.map(({ name, title, extension, resource, serves, lacks, instead }) => {
    const isOn = !lacks && switched(name, resource ?? '');
    const state = lacks ? 'NotAvailable' : isOn ? 'On' : 'Off';
    return {
      id: `${path}/${name}`, name, type: 'Bartizan.Security/components',
      properties: {
        displayName: title, description: 'What it does on a server.', extension, plan: 'VirtualMachines', available: !lacks, state,
        switch: resource ? { resourceId: `${security}/${resource}`, member: 'enabled', isOn } : null,
        reason: lacks ?? (isOn ? 'A policy deploys it to every server.' : 'It is switched off.'), remedy: instead ?? (isOn ? '' : 'Switch it on here.'),
        features: features.filter((feature) => serves.includes(feature.name)).map((feature) => ({ name: feature.name, displayName: feature.title, plans: feature.plans, available: true })),
        machines: { total: hosts.length, wanted: isOn ? hosts.length : 0, installed: isOn ? hosts.length - 1 : 0, pending: 0, failed: isOn ? 1 : 0, missing: 0, sensorOnly: 0 },
      },
    };
  });
  return { status: 200, body: { value } };
}

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
