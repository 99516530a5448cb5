import { describe, expect, test } from 'vitest';
import { newPassword } from './password';
import { allows, isPattern, matchesAction } from './permissions';
import { roleFromJson, roleToJson, type RoleDraft } from './role-json';
import { contains, scopeKind, scopeText } from './scope';

describe('actions', () => {
  test.each([
    ['*', 'Microsoft.Security/alerts/read', true],
    ['*/read', 'microsoft.security/alerts/READ', true],
    ['*/read', 'Microsoft.Security/alerts/write', false],
    ['Microsoft.Security/*/read', 'Microsoft.Security/pricings/read', true],
    ['Microsoft.Security/*/read', 'Microsoft.SecurityInsights/incidents/read', false],
    ['Microsoft.Security/pricings/read', 'Microsoft.Security/pricings/read', true],
    ['Microsoft.Security/pricings/read', 'Microsoft.Security/pricings/read/more', false],
    ['a*b*b', 'ab', false],
    ['a*b*b', 'axbyb', true],
  ])('%s and %s', (pattern, action, expected) => {
    expect(matchesAction(pattern, action)).toBe(expected);
  });

  test('an exception takes away from its own set only', () => {
    const sets = [{ actions: ['*/read'], notActions: ['a/secret/read'], dataActions: ['a/*'], notDataActions: ['a/b'] }, { actions: ['x/write'] }];
    expect([allows(sets, 'a/b/read'), allows(sets, 'X/Write'), allows(sets, 'a/c', true)]).toEqual([true, true, true]);
    expect([allows(sets, 'a/secret/read'), allows(sets, 'a/write'), allows(sets, 'a/b', true), allows([], 'a/read')]).toEqual([false, false, false, false]);
    expect(allows([...sets, { actions: ['a/secret/*'] }], 'a/secret/read')).toBe(true);
  });

  test('patterns have a shape', () => {
    expect(['*', '*/read', 'Microsoft.Security/*/read'].every(isPattern)).toBe(true);
    expect(['', 'read', 'a b/c', 'a/ü'].some(isPattern)).toBe(false);
  });
});

describe('scopes', () => {
  const sub = '/subscriptions/S1';
  const group = `${sub}/resourceGroups/edge`;
  const machine = `${group}/providers/Microsoft.HybridCompute/machines/m1`;
  test('kinds and names', () => {
    expect([sub, group, machine, '/', '/providers/Microsoft.Management/managementGroups/root'].map(scopeKind)).toEqual(['Subscription', 'Resource group', 'Resource', 'Root', 'Management group']);
    expect(scopeText(sub, 'Main')).toBe('Subscription Main');
    expect(scopeText(machine)).toBe('Server m1');
  });
  test.each([
    [sub, machine, true], [group, machine, true], [machine, machine.toUpperCase(), true], ['/', sub, true], ['/providers/Microsoft.Management/managementGroups/root', sub, true], ['/providers/Microsoft.Management/managementGroups/root', '/providers/Microsoft.Management/managementGroups/edge', true],
    [machine, group, false], [sub, '/providers/Microsoft.Management/managementGroups/root', false], [`${sub}/resourceGroups/ed`, group, false], ['/subscriptions/S', sub, false],
  ])('%s contains %s: %s', (outer, inner, expected) => {
    expect(contains(outer, inner)).toBe(expected);
  });
});

describe('roles as JSON', () => {
  const draft: RoleDraft = { roleName: 'Watcher', description: 'Looks.', permissions: { actions: ['*/read'], notActions: [], dataActions: [], notDataActions: [] }, assignableScopes: ['/subscriptions/s'] };
  test('what is written is read back', () => {
    expect(roleFromJson(roleToJson(draft))).toEqual(draft);
  });
  test('the form of az role definition', () => {
    expect(roleFromJson('{"Name":"Watcher","Description":"Looks.","Actions":["*/read"],"AssignableScopes":["/subscriptions/s"]}')).toEqual(draft);
  });
  test.each([
    ['{', /not JSON/], ['[]', /JSON object/], ['{}', /roleName/],
    ['{"roleName":"a","actions":["read"],"assignableScopes":["/"]}', /`read`/],
    ['{"roleName":"a","actions":"x/read","assignableScopes":["/"]}', /list of texts/],
    ['{"roleName":"a","actions":[],"assignableScopes":["/"]}', /allows nothing/],
    ['{"roleName":"a","actions":["a/read"]}', /assignableScopes/],
    ['{"roleName":"a","permissions":[{"actions":["a/read"]},{"actions":["b/read"]}],"assignableScopes":["/"]}', /exactly one/],
  ])('%s is refused', (text, problem) => {
    expect((roleFromJson(text) as { problem: string }).problem).toMatch(problem);
  });
});

describe('first passwords', () => {
  test('20 letters in groups, none of them alike', () => {
    const seen = new Set(Array.from({ length: 50 }, () => newPassword()));
    expect(seen.size).toBe(50);
    for (const password of seen) expect(password).toMatch(/^([a-km-zA-HJ-NP-Z2-9]{5}-){3}[a-km-zA-HJ-NP-Z2-9]{5}$/);
  });
  test('bytes past the last whole multiple are thrown away', () => {
    let round = 0;
    const random = (bytes: Uint8Array) => bytes.fill(round++ === 0 ? 255 : 0);
    expect(newPassword(random)).toBe('aaaaa-aaaaa-aaaaa-aaaaa');
    expect(round).toBe(2);
  });
});
