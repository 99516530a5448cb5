import { expect, test } from 'vitest';
import type { QueryTable } from '@/api/types';
import { toChart } from './chart-data';
import { byteToIndex, byteWalker, indexToByte, lineColumn } from './offsets';
import { arrange, cellText, prettyJson, toObjects } from './result';

test('byte offsets become positions in the editor', () => {
  const text = 'print "ä€😀" | x';
  expect(text.slice(byteToIndex(text, new TextEncoder().encode('print "ä€😀" | ').length))).toBe('x');
  expect(indexToByte(text, text.indexOf('|'))).toBe(new TextEncoder().encode('print "ä€😀" ').length);
  const walk = byteWalker(text);
  for (let index = 0; index < text.length; index += text.codePointAt(index)! > 0xffff ? 2 : 1) expect(walk(indexToByte(text, index))).toBe(index);
  expect(lineColumn('a\nbc', 3)).toEqual({ line: 2, column: 2 });
});

test('cells', () => {
  expect(cellText('2026-01-31T08:15:00.1234567Z', 'datetime')).toBe('2026-01-31 08:15:00.123');
  expect(cellText('2026-01-31T08:15:00Z', 'datetime')).toBe('2026-01-31 08:15:00.000');
  expect(cellText(null, 'long')).toBe('');
  expect(prettyJson('{"a":1}')).toBe('{\n  "a": 1\n}');
  expect(prettyJson('plain')).toBeUndefined();
});

test('sorting keeps nulls last in both directions', () => {
  const columns = [{ name: 'n', type: 'long' }];
  const rows = [[2], [null], [10], [1]];
  expect(arrange(columns, rows, '', { column: 0, descending: false })).toEqual([3, 0, 2, 1]);
  expect(arrange(columns, rows, '', { column: 0, descending: true })).toEqual([2, 0, 3, 1]);
  expect(arrange(columns, rows, '10', undefined)).toEqual([2]);
});

test('a time chart splits by the text column and sorts by time', () => {
  const table: QueryTable = {
    name: 'PrimaryResult',
    columns: [{ name: 'TimeGenerated', type: 'datetime' }, { name: 'Computer', type: 'string' }, { name: 'count_', type: 'long' }],
    rows: [['2026-01-01T01:00:00Z', 'b', 2], ['2026-01-01T00:00:00Z', 'a', 1], ['2026-01-01T00:00:00Z', 'b', 5]],
  };
  const chart = toChart(table, 'line');
  expect(chart?.series).toEqual(['b', 'a']);
  expect(chart?.points).toEqual([{ x: Date.parse('2026-01-01T00:00:00Z'), a: 1, b: 5 }, { x: Date.parse('2026-01-01T01:00:00Z'), b: 2 }]);
  expect(toChart({ ...table, columns: table.columns.slice(0, 2), rows: [['2026-01-01T00:00:00Z', 'a']] }, 'line')).toBeUndefined();
});

test('a chart of shares is stacked, and asked for', () => {
  const table: QueryTable = { name: 'PrimaryResult', columns: [{ name: 'Level', type: 'string' }, { name: 'n', type: 'long' }], rows: [['err', 1]] };
  expect(toChart(table, 'column', { visualization: 'columnchart', kind: 'stacked100' })).toMatchObject({ shares: true, stacked: true });
  expect(toChart(table, 'column', { visualization: 'columnchart' })).toMatchObject({ shares: false, stacked: true });
  expect(toChart(table, 'pie', { visualization: 'piechart', kind: 'stacked100' })).toMatchObject({ shares: false });
});

test('series are drawn point by point, with marks where they stand out', () => {
  const table: QueryTable = {
    name: 'PrimaryResult',
    columns: [{ name: 'Computer', type: 'string' }, { name: 'count_', type: 'dynamic' }, { name: 'anomalies', type: 'dynamic' }, { name: 'TimeGenerated', type: 'dynamic' }],
    rows: [['a', '[1,9,2]', '[0,1,0]', '["2026-01-01T00:00:00Z","2026-01-01T01:00:00Z","2026-01-01T02:00:00Z"]']],
  };
  const chart = toChart(table, 'line', { visualization: 'anomalychart', anomalyColumns: 'anomalies' });
  expect(chart?.x).toBe('time');
  expect(chart?.anomalies).toEqual(['a: anomalies']);
  expect(chart?.points[1]).toEqual({ x: Date.parse('2026-01-01T01:00:00Z'), 'a: count_': 9, 'a: anomalies': 9 });
  expect(chart?.points[0]).not.toHaveProperty('a: anomalies');
});

test('exported objects hold dynamics as values', () => {
  const columns = [{ name: 'd', type: 'dynamic' }, { name: 's', type: 'string' }];
  expect(toObjects({ name: 't', columns, rows: [['{"a":[1]}', '[1]']] })).toEqual([{ d: { a: [1] }, s: '[1]' }]);
});
