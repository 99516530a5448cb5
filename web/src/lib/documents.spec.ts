import { describe, expect, test } from 'vitest';
import { coverage } from './coverage';
import { differences, valueText } from './json-diff';
import { kqlString } from './kql-text';

describe('differences', () => {
  test('changed, added and removed properties, deep', () => {
    const before = { tags: { a: '1', b: '2' }, properties: { tier: 'Free', list: [1, 2] }, gone: true };
    const after = { tags: { a: '1', c: '3' }, properties: { tier: 'Standard', list: [1, 2, 3] } };
    expect(differences(before, after)).toEqual([
      { path: 'tags.c', kind: 'added', after: '3' },
      { path: 'tags.b', kind: 'removed', before: '2' },
      { path: 'properties.tier', kind: 'changed', before: 'Free', after: 'Standard' },
      { path: 'properties.list', kind: 'changed', before: [1, 2], after: [1, 2, 3] },
      { path: 'gone', kind: 'removed', before: true },
    ]);
  });
  test('lists of objects by place', () => {
    expect(differences({ list: [{ a: 1 }, { a: 2 }] }, { list: [{ a: 1 }, { a: 3 }, { a: 4 }] })).toEqual([
      { path: 'list[1].a', kind: 'changed', before: 2, after: 3 },
      { path: 'list[2].a', kind: 'added', after: 4 },
    ]);
  });
  test('a new and a deleted document', () => {
    expect(differences(undefined, { a: { b: 1 }, c: [] })).toEqual([{ path: 'a.b', kind: 'added', after: 1 }, { path: 'c', kind: 'added', after: [] }]);
    expect(differences({ a: 1 }, undefined)).toEqual([{ path: 'a', kind: 'removed', before: 1 }]);
  });
  test('nothing differs', () => {
    expect(differences({ a: [1, { b: null }] }, { a: [1, { b: null }] })).toEqual([]);
    expect(differences(null, null)).toEqual([]);
  });
  test('another kind of value', () => {
    expect(differences({ a: { b: 1 } }, { a: 'text' })).toEqual([{ path: 'a', kind: 'changed', before: { b: 1 }, after: 'text' }]);
    expect(valueText({ b: 1 })).toBe('{"b":1}');
  });
});

describe('coverage', () => {
  const machine = (value: string, monitored: boolean) => ({ value, monitored });
  test('counts by value, without regard to case, against targets', () => {
    const rows = coverage([machine('production', true), machine('Production', false), machine('test', true), machine('', false)], { production: 100, test: 50 }, 80);
    expect(rows).toEqual([
      { value: 'production', total: 2, monitored: 1, percent: 50, target: 100, missing: 1 },
      { value: 'test', total: 1, monitored: 1, percent: 100, target: 50, missing: 0 },
      { value: '', total: 1, monitored: 0, percent: 0, target: 80, missing: 1 },
    ]);
  });
  test('one of a thousand missing is not all', () => {
    const rows = coverage(Array.from({ length: 1000 }, (_, at) => machine('production', at > 0)), { production: 100 }, 80);
    expect(rows[0]).toMatchObject({ percent: 99, missing: 1 });
  });
});

test('texts in queries are literals', () => {
  expect(kqlString('a"b\\c\nd')).toBe('"a\\"b\\\\c\\nd"');
});
