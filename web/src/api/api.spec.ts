import { describe, expect, test } from 'vitest';
import { recommendationsOf } from './assessments';
import { parseError } from './errors';
import { affectedKeys } from './live';
import { monitoringOf } from './monitoring';
import { potentialIncrease } from './secure-score';
import type { Assessment, Machine, MachineExtension, SecureScoreControl } from './types';

describe('errors', () => {
  test('ARM body', () => {
    const error = parseError(409, '{"error":{"code":"Conflict","message":"The plan is being changed.","details":[{"code":"X","message":"Wait."}]}}');
    expect([error.status, error.code, error.message, error.details]).toEqual([409, 'Conflict', 'The plan is being changed.', [{ code: 'X', message: 'Wait.' }]]);
  });
  test('query body with inner errors', () => {
    const error = parseError(400, '{"error":{"code":"BadArgumentError","message":"invalid","innererror":{"code":"SemanticError","message":"unknown table","innererror":{"code":"K0201","message":"`T`"}}}}');
    expect(error.details.map((detail) => detail.code)).toEqual(['SemanticError', 'K0201']);
  });
  test('not JSON', () => {
    expect(parseError(502, '<html>').message).toBe('The server answered with status 502.');
    expect(parseError(503, 'disk full').message).toBe('disk full');
    expect(parseError(503, '').retryable).toBe(true);
    expect(parseError(412, '').retryable).toBe(false);
  });
});

describe('monitoring', () => {
  const machine = (status: string) => ({ id: 'm', name: 'm', type: '', properties: { status } }) as Machine;
  const extension = (type: string, provisioningState = 'Succeeded') => ({ id: type, name: type, type: '', properties: { type, provisioningState } }) as MachineExtension;
  test.each([
    ['both agents work', 'Connected', [extension('MDE.Linux'), extension('AzureMonitorLinuxAgent')], []],
    ['sensor failed', 'Connected', [extension('MDE.Linux', 'Failed'), extension('AzureMonitorLinuxAgent')], ['Endpoint sensor: failed']],
    ['no log collection', 'Connected', [extension('MDE.Linux')], ['Log collection is not installed']],
    ['disconnected', 'Disconnected', [extension('MDE.Linux'), extension('AzureMonitorLinuxAgent')], ['The agent is disconnected']],
  ])('%s', (_, status, extensions, reasons) => {
    expect(monitoringOf(machine(status), extensions)).toEqual({ monitored: reasons.length === 0, reasons });
  });
});

test('potential increase follows the published formula', () => {
  const control = { properties: { healthyResourceCount: 4, unhealthyResourceCount: 74, score: { max: 6, current: 0.31, percentage: 0.05 } } } as SecureScoreControl;
  expect(potentialIncrease(control)).toBeCloseTo(5.69, 2);
});

test('recommendations: unhealthy first, then by severity', () => {
  const assessment = (name: string, code: string, severity: string) =>
    ({ id: `/m/providers/Microsoft.Security/assessments/${name}`, name, type: '', properties: { displayName: name, status: { code }, metadata: { displayName: name, severity } } }) as Assessment;
  const list = recommendationsOf([assessment('low', 'Unhealthy', 'Low'), assessment('done', 'Healthy', 'High'), assessment('high', 'Unhealthy', 'High'), assessment('low', 'Healthy', 'Low')]);
  expect(list.map((entry) => [entry.key, entry.unhealthy.length, entry.healthy.length])).toEqual([['high', 1, 0], ['low', 1, 1], ['done', 0, 1]]);
});

test('a changed assessment refreshes the score too', () => {
  expect(affectedKeys('Microsoft.Security/assessments')).toEqual(['microsoft.security/assessments', 'microsoft.security/securescores']);
});
