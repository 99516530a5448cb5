import { describe, expect, test } from 'vitest';
import { isMachineId, parseArmId, sameId, scopeOf } from './arm-id';
import { toCsv } from './csv';
import { formatAgo, formatDuration } from './dates';
import { formatRange, parseRange, toTimespan, setsTime } from './time-range';
import { countOf, formatPoints, percent, formatVolume } from './units';

describe('time range', () => {
  test.each([
    ['24h', 'P1D'],
    ['30m', 'PT30M'],
    ['query', undefined],
    [null, 'P1D'],
    ['nonsense', 'P1D'],
    ['2026-01-01T00:00:00Z/2026-01-02T00:00:00Z', '2026-01-01T00:00:00Z/2026-01-02T00:00:00Z'],
    ['2026-01-02T00:00:00Z/2026-01-01T00:00:00Z', 'P1D'],
  ])('%s is %s', (text, timespan) => {
    expect(toTimespan(parseRange(text))).toBe(timespan);
  });

  test('survives the address', () => {
    for (const text of ['7d', 'query', '2026-01-01T00:00:00Z/2026-01-02T00:00:00Z']) expect(formatRange(parseRange(text))).toBe(text);
  });
});

describe('csv', () => {
  test('quotes what needs quotes', () => {
    expect(toCsv(['a', 'b'], [['x,y', 'say "hi"'], ['line\nbreak', null], [1.5, true]])).toBe('a,b\r\n"x,y","say ""hi"""\r\n"line\nbreak",\r\n1.5,true\r\n');
  });

  test('does not let a spreadsheet run log data', () => {
    expect(toCsv(['a'], [['=cmd()'], ['-12.5'], ['@x']])).toBe("a\r\n'=cmd()\r\n-12.5\r\n'@x\r\n");
  });
});

describe('arm ids', () => {
  const id = '/subscriptions/s/resourceGroups/rg/providers/Microsoft.HybridCompute/machines/web-01/extensions/MDE.Linux';
  test('parts', () => {
    expect(parseArmId(id)).toEqual({ subscriptionId: 's', resourceGroup: 'rg', type: 'Microsoft.HybridCompute/machines/extensions', name: 'MDE.Linux' });
  });
  test('scope of an extension resource', () => {
    expect(scopeOf('/subscriptions/s/providers/Microsoft.Security/assessments/k')).toBe('/subscriptions/s');
    expect(isMachineId(scopeOf('/subscriptions/s/resourceGroups/rg/providers/Microsoft.HybridCompute/machines/web-01/providers/Microsoft.Security/assessments/k'))).toBe(true);
  });
  test('compare without regard to case', () => {
    expect(sameId('/A/b', '/a/B')).toBe(true);
    expect(sameId(undefined, undefined)).toBe(false);
  });
});

test('durations and moments', () => {
  expect(formatDuration('PT5M')).toBe('5 minutes');
  expect(formatDuration('P1DT1H')).toBe('1 day 1 hour');
  const now = Date.parse('2026-01-01T12:00:00Z');
  expect(formatAgo('2026-01-01T11:57:00Z', now)).toBe('3 minutes ago');
  expect(formatAgo('2025-12-30T12:00:00Z', now)).toBe('2 days ago');
  expect(formatAgo(undefined, now)).toBe('–');
});

test('percent says 0 and 100 only when it is so', () => {
  expect([percent(0, 10), percent(1, 1000), percent(999, 1000), percent(10, 10), percent(1, 0)]).toEqual([0, 1, 99, 100, 0]);
  expect(countOf(1, 'server')).toBe('1 server');
  expect(formatPoints(24.9)).toBe('24.9');
});

test('a query that compares its time column sets the time itself', () => {
  expect(setsTime('Heartbeat | where TimeGenerated > ago(1h)')).toBe(true);
  expect(setsTime('Heartbeat\n| where Computer == "a" and TimeGenerated between (ago(1h) .. now())')).toBe(true);
  expect(setsTime('DeviceEvents | where ago(1d) < Timestamp')).toBe(true);
  expect(setsTime('Heartbeat | summarize max(TimeGenerated) by Computer')).toBe(false);
  expect(setsTime('Heartbeat | where Computer == "TimeGenerated > 1" // | where TimeGenerated > 1')).toBe(false);
  expect(setsTime('Heartbeat | extend x = TimeGenerated > ago(1h)')).toBe(false);
});

test('volumes count in thousands', () => {
  expect([0, 999, 1000, 1_500_000, 500_000_000, 12_345_678_901].map(formatVolume)).toEqual(['0 B', '999 B', '1.00 KB', '1.50 MB', '500 MB', '12.3 GB']);
});
