import { expect, test } from 'vitest';
import { activityOf, activityQuery, operationText } from './activity';

test('what people type is no part of the query', () => {
  const query = activityQuery({ caller: 'a" or 1==1 //', operation: '', resource: '', status: 'Success' });
  expect(query).toContain('| where Caller contains "a\\" or 1==1 //"');
  expect(query).toContain('| where ActivityStatusValue == "Success"');
  expect(query.match(/\| where/g)).toHaveLength(2);
});

test('a row with bodies, and one without', () => {
  const row = (properties: unknown) => activityOf(['2026-01-01T00:00:00Z', 'a/b/write', 'owner', '10.0.0.1', 'Success', '/r', 'g', 'c', properties], 0);
  expect(row('{"before":null,"after":{"a":1}}')).toMatchObject({ caller: 'owner', resourceId: '/r', before: null, after: { a: 1 } });
  expect(row({ before: { a: 1 }, after: null })).toMatchObject({ before: { a: 1 }, after: null });
  expect(row('{"bodiesLeftOut":true}').before).toBeUndefined();
  expect(row('broken').after).toBeUndefined();
});

test.each([
  ['Microsoft.Security/pricings/write', 'Create or update pricings'],
  ['Microsoft.Authorization/roleAssignments/delete', 'Delete role assignments'],
  ['Microsoft.Authorization/users/revoke/action', 'Revoke users'],
  ['restart', 'restart'],
])('%s in words', (operation, text) => {
  expect(operationText(operation)).toBe(text);
});
