import { expect, test } from 'vitest';
import { crumbs, paths } from './paths';

const machine = '/subscriptions/s-1/resourceGroups/bartizan/providers/Microsoft.HybridCompute/machines/web-01';

/** Every address the portal links to, with its breadcrumb. A change here is a change of a public address. */
const table: readonly (readonly [string, string])[] = [
  [paths.signIn(), '/signin | '],
  [paths.overview(), '/overview | Overview'],
  [paths.inventory({ monitoring: 'not' }), '/inventory?monitoring=not | Inventory'],
  [paths.addServers(), '/servers/add | Servers > Add servers'],
  [paths.machine(machine), '/inventory/machines/bartizan/web-01 | Inventory > web-01'],
  [paths.machine(machine, 'alerts'), '/inventory/machines/bartizan/web-01?tab=alerts | Inventory > web-01'],
  [paths.recommendations(), '/recommendations | Recommendations'],
  [paths.recommendation('k'), '/recommendations/k | Recommendations > Recommendation'],
  [paths.alerts({ severity: 'High' }), '/alerts?severity=High | Security alerts'],
  [paths.environment(), '/environment | Environment settings'],
  [paths.tenant(), '/environment/tenant | Environment settings > Tenant settings'],
  [paths.plans('s-1'), '/environment/s-1/plans | Environment settings > Defender plans'],
  [paths.provisioning('s-1'), '/environment/s-1/provisioning | Environment settings > Settings and monitoring'],
  [paths.policy('s-1'), '/environment/s-1/policy | Environment settings > Security policy'],
  [paths.workspaceSettings('s-1'), '/environment/s-1/workspace | Environment settings > Workspace'],
  [paths.logs({ q: 'Syslog | take 1', range: '1h' }), '/logs?q=Syslog+%7C+take+1&range=1h | Logs'],
  [paths.incidents(), '/incidents | Incidents'],
  [paths.incident('i'), '/incidents/i | Incidents > Incident'],
  [paths.analytics(), '/analytics | Analytics'],
  [paths.connectors({ door: 'ingestion' }), '/data-connectors?door=ingestion | Data connectors'],
  [paths.tables({ table: 'Syslog' }), '/tables?table=Syslog | Tables'],
  [paths.collectionRules(), '/data-collection-rules | Data collection rules'],
  [paths.collectionRule('new'), '/data-collection-rules/new | Data collection rules > Create rule'],
  [paths.collectionRule('doors'), '/data-collection-rules/doors | Data collection rules > doors'],
  [paths.usage(), '/usage | Usage'],
];

test.each(table)('%s', (path, expected) => {
  const trail = crumbs(path.split('?')[0] ?? '').map((crumb) => crumb.text).join(' > ');
  expect(`${path} | ${trail}`).toBe(expected);
});

test('a name with a slash or a space stays one part of the address', () => {
  expect(paths.machine(machine.replace('web-01', 'a b'))).toBe('/inventory/machines/bartizan/a%20b');
});
