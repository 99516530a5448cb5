import { expect, test } from 'vitest';
import { tenantTree, type ManagementGroup } from './tenant';

const group = (name: string, children: ManagementGroup['properties']['children']): ManagementGroup => ({ id: `/providers/Microsoft.Management/managementGroups/${name}`, name, type: 'Microsoft.Management/managementGroups', properties: { displayName: name.toUpperCase(), children } });
const child = (name: string, children?: ReturnType<typeof sub>[]) => ({ id: `/providers/Microsoft.Management/managementGroups/${name}`, name, type: 'Microsoft.Management/managementGroups', displayName: name, children: children ?? null });
const sub = (name: string) => ({ id: `/subscriptions/${name}`, name, type: '/subscriptions', displayName: name });

test('a tree is shown once, each child under its parent, by name', () => {
  const groups = [group('edge', [sub('two')]), group('root', [sub('one'), child('edge', [sub('two')])]), group('empty', null)];
  expect(tenantTree(groups).map((node) => `${'-'.repeat(node.depth)}${node.kind} ${node.text}`)).toEqual(['group ROOT', '-group edge', '--subscription two', '-subscription one', 'group EMPTY']);
});
