/** What is above and beside resources: subscriptions, management groups, groups, providers, a large fleet. */
import { ago, machineId, resourceGroup, subscription, subscriptionId, tenantId, uuid } from './ids.ts';
import type { Item } from './hosts.ts';

type Reply = { status: number; body?: unknown } | undefined;

export const branchId = uuid('branch');
const group = (name: string, displayName: string, children: object[]) => ({
  id: `/providers/Microsoft.Management/managementGroups/${name}`, name, type: 'Microsoft.Management/managementGroups', properties: { tenantId, displayName, children },
});
const child = (id: string, displayName: string) => ({ id: `/subscriptions/${id}`, name: id, type: '/subscriptions', displayName });
const edge = { id: '/providers/Microsoft.Management/managementGroups/edge', name: 'edge', type: 'Microsoft.Management/managementGroups', displayName: 'Edge sites', children: [child(branchId, 'Branch office')] };
const groups = [group(tenantId, 'Tenant root group', [child(subscriptionId, 'Bartizan'), edge]), group('edge', 'Edge sites', [child(branchId, 'Branch office')])];

export const groupItems = (): Item[] => [
  { id: resourceGroup, name: 'bartizan', type: 'Microsoft.Resources/resourceGroups', location: 'local', tags: { team: 'platform' }, properties: { provisioningState: 'Succeeded' } },
  { id: `${subscription}/resourceGroups/lab`, name: 'lab', type: 'Microsoft.Resources/resourceGroups', location: 'local', properties: { provisioningState: 'Succeeded' } },
];

export function settingItems(): Item[] {
  const security = `${subscription}/providers/Microsoft.Security`;
  return [
    { id: `${security}/settings/WDATP`, name: 'WDATP', type: 'Microsoft.Security/settings', kind: 'DataExportSettings', properties: { enabled: true } },
    { id: `${subscription}/providers/Bartizan.Security/coverageTargets/default`, name: 'default', type: 'bartizan.security/coveragetargets', properties: { tag: 'environment', targets: { prod: 100, production: 100 }, otherwise: 80 } },
    { id: `/providers/Microsoft.Management/managementGroups/${tenantId}/providers/Bartizan.Security/tenantSettings/default`, name: 'default', type: 'Bartizan.Security/tenantSettings', properties: { geoLocation: null, pseudonymizedExport: false } },
    { id: `${security}/autoProvisioningSettings/default`, name: 'default', type: 'Microsoft.Security/autoProvisioningSettings', properties: { autoProvision: 'On' } },
  ];
}

const types: Record<string, string[]> = {
  'Microsoft.Authorization': ['locks', 'roleAssignments', 'roleDefinitions'], 'Microsoft.HybridCompute': ['machines', 'machines/extensions'], 'Microsoft.Security': ['alerts', 'assessments', 'pricings'],
};

export function tenantAnswer(path: string): Reply {
  const list = (value: unknown[]) => ({ status: 200, body: { value } });
  if (path === '/subscriptions') return list([['Bartizan', subscriptionId], ['Branch office', branchId]].map(([displayName, id]) => ({ id: `/subscriptions/${id}`, subscriptionId: id, displayName, state: 'Enabled' })));
  const root = '/providers/Microsoft.Management/managementGroups';
  if (path === root) return list(groups.map((entry) => ({ ...entry, properties: { tenantId, displayName: entry.properties.displayName } })));
  const found = groups.find((entry) => path === `${root}/${entry.name}`);
  if (found) return { status: 200, body: found };
  if (path === `${subscription}/providers`) return list(Object.entries(types).map(([namespace, names]) => ({ namespace, resourceTypes: names.map((resourceType) => ({ resourceType })) })));
  return undefined;
}

/** The six checks; one machine has a sensor that fails. */
export function diagnosis(path: string): Reply {
  const name = /\/machines\/([^/]+)\/providers\/Bartizan\.Security\/diagnosis\/latest$/i.exec(path)?.[1];
  if (!name) return undefined;
  const titles = ['Defender for Servers is on for the subscription', 'Provisioning is on for every component of the plan', 'The operating system is supported', 'The agent reaches the server', 'No policy denies extensions', 'Every extension is installed and ready'];
  const failed = name === 'app-02' ? 6 : name === 'backup-01' ? 4 : 0;
  const checks = titles.map((displayName, at) => ({ order: at + 1, name: `check${at}`, displayName, result: at + 1 === failed ? 'Failed' : 'Passed', evidence: [at + 1 === failed ? 'MDE.Linux is Failed: the kernel refuses the program' : 'as it should be'], fix: at + 1 === failed ? 'set the lockdown mode to integrity and restart the machine' : '' }));
  return { status: 200, body: { id: path, name: 'latest', type: 'Bartizan.Security/diagnosis', properties: { time: ago(0), status: failed ? 'Unhealthy' : 'Healthy', summary: failed ? `check ${failed} of 6 fails: ${titles[failed - 1]}` : 'all checks pass', checks,
    prerequisites: [{ name: 'systemSupported', title: 'The operating system is supported', outcome: 'passed', blocking: true, evidence: 'Debian GNU/Linux 12 is supported', fix: '' }, { name: 'clock', title: 'The clock is right', outcome: failed ? 'failed' : 'passed', blocking: false, evidence: failed ? 'it is 95 seconds ahead' : 'it is right', fix: failed ? 'set up time synchronisation' : '' }],
    twoAgents: failed ? { verdict: 'eventsButNoAlerts', summary: 'log collection works and the sensor does not', fix: 'follow the message of the sensor' } : { verdict: 'bothWork', summary: 'both agents work: alerts and events come', fix: '' } } } };
}

/** The last test alert of a machine; a started one is over at once, and breaks where a sensor is missing. */
export class TestAlerts {
  private readonly last = new Map<string, unknown>();

  answer(method: string, path: string): Reply {
    const found = /^(.*\/machines\/([^/]+))\/providers\/Bartizan\.Security\/testAlerts(\/latest\/start)?$/i.exec(path);
    if (!found) return undefined;
    const [, machine = '', name = '', start] = found;
    if (method === 'POST' && start) this.last.set(machine.toLowerCase(), testAlert(machine, name));
    const last = this.last.get(machine.toLowerCase());
    return start ? { status: 202, body: last } : { status: 200, body: { value: last ? [last] : [] } };
  }
}

function testAlert(machine: string, name: string) {
  const broken = name === 'app-02';
  const names = ['plan', 'agent', 'sensor', 'received', 'stored', 'rule', 'alert', 'incident'];
  const titles = ['A plan covers the machine', 'The harmless process is started', 'The sensor sees it', 'The server receives its row', 'The workspace stores it', 'The rule finds it', 'An alert is raised', 'It is an incident'];
  const hops = names.map((hop, at) => {
    const outcome = !broken || at < 2 ? 'Passed' : at === 2 ? 'Failed' : 'NotReached';
    return { name: hop, displayName: titles[at], outcome, time: outcome === 'Passed' ? ago(0) : null, detail: outcome === 'Failed' ? 'the sensor does not run: Failed, BPF is locked down' : '', fix: outcome === 'Failed' ? 'follow the message' : '' };
  });
  const properties = { requested: ago(0), requestedBy: 'Owner', state: broken ? 'Failed' : 'Succeeded', summary: broken ? 'the hop `sensor` is broken: the sensor does not run' : 'incident 1042 after 1.4 s', hops, alertId: null, incidentId: null };
  return { id: `${machine}/providers/Bartizan.Security/testAlerts/latest`, name: 'latest', type: 'Bartizan.Security/testAlerts', properties };
}

const fleetSize = 100_000;
const fleetPage = 5000;

/** A page of a large fleet, by its token. */
export function fleet(url: URL): Reply {
  const from = Number(url.searchParams.get('$skipToken') ?? 0);
  const value = Array.from({ length: fleetPage }, (_, at) => {
    const name = `node-${String(from + at).padStart(6, '0')}`;
    return { id: machineId(name), name, type: 'Microsoft.HybridCompute/machines', location: 'local', tags: { environment: (from + at) % 3 === 0 ? 'production' : 'development' }, properties: { status: (from + at) % 50 === 0 ? 'Disconnected' : 'Connected', osName: 'Debian GNU/Linux 12 (bookworm)', agentVersion: '0.1.0' } };
  });
  const next = from + fleetPage;
  return { status: 200, body: { value, ...(next < fleetSize ? { nextLink: `${url.pathname}?api-version=1&$skipToken=${next}` } : {}) } };
}
