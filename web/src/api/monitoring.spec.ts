import { describe, expect, test } from 'vitest';
import { coverOf, healthOf, tierOf, tierPartsOf } from './monitoring';
import type { Machine, MachineExtension, PlanFeature, Pricing } from './types';

const machine = (status: string): Machine => ({ id: '/m', name: 'm', type: 't', properties: { status } });
const extension = (type: string, provisioningState = 'Succeeded'): MachineExtension => ({ id: `/m/extensions/${type}`, name: type, type: 't', properties: { type, provisioningState } });
const both = [extension('MDE.Linux'), extension('AzureMonitorLinuxAgent')];
const all = [...both, extension('ChangeTracking-Linux')];

const feature = (plans: PlanFeature['properties']['plans'], extension: string | null, state: PlanFeature['properties']['state'] = 'On'): PlanFeature => ({ id: '/f', name: 'f', type: 't', properties: { displayName: 'f', plans, extension, state, reason: '', remedy: '' } });
const brings = tierPartsOf([feature(['P1', 'P2'], 'MDE.Linux'), feature(['P1', 'P2'], 'AzureMonitorLinuxAgent'), feature(['P2', 'CloudPosture'], 'ChangeTracking-Linux'), feature(['P1', 'P2'], null)]);

test('what a tier brings is read from the features, without those that are not here yet', () => {
  expect(brings).toEqual({ Free: [], P1: ['sensor', 'monitor'], P2: ['sensor', 'monitor', 'inventory'] });
  expect(tierPartsOf([feature(['P1', 'P2'], 'MDE.Linux', 'NotAvailable')]).P1).toEqual([]);
});

describe('cover', () => {
  test.each([
    ['all of P2', 'Connected', all, 'P2', 'On', 'Monitored'],
    ['P2 without the inventory', 'Connected', both, 'P2', 'Partial', 'Monitored'],
    ['P1 has no inventory', 'Connected', both, 'P1', 'On', 'Monitored'],
    ['no sensor', 'Connected', all.slice(1), 'P2', 'Partial', 'Not monitored'],
    ['a sensor that failed', 'Connected', [extension('MDE.Linux', 'Failed'), ...all.slice(1)], 'P1', 'Partial', 'Not monitored'],
    ['no heartbeat', 'Disconnected', all, 'P2', 'Partial', 'Not monitored'],
    ['no plan', 'Connected', all, 'Free', 'Off', 'Unmonitored'],
    ['found without an agent', 'Unmonitored', [], 'P2', 'Off', 'Unmonitored'],
  ] as const)('%s', (_, status, extensions, tier, protection, monitoring) => {
    expect(coverOf(machine(status), extensions, tier, brings)).toMatchObject({ protection, monitoring });
  });
});

test('a machine that was onboarded directly is whole with its sensor', () => {
  const direct: Machine = { ...machine('Connected'), properties: { status: 'Connected', onboarding: 'Direct' } };
  expect(coverOf(direct, both.slice(0, 1), 'P2', brings)).toMatchObject({ protection: 'On', monitoring: 'Monitored', reasons: [] });
  expect(healthOf(direct, both.slice(0, 1), 'P2', brings).state).toBe('Healthy');
  expect(coverOf(direct, [], 'P2', brings)).toMatchObject({ protection: 'Partial', monitoring: 'Not monitored' });
});

describe('agent health', () => {
  test.each([
    ['Connected', all, 'P2', 'Healthy', /works/],
    ['Connected', both, 'P2', 'Installation issue', /Inventory is not installed/],
    ['Connected', [extension('MDE.Linux', 'Creating'), ...all.slice(1)], 'P2', 'Installation issue', /creating/],
    ['Disconnected', all, 'P2', 'Heartbeat issue', /disconnected/],
    ['Connected', [], 'Free', 'Not applicable', /no Defender plan/],
    ['Unmonitored', [], 'P2', 'Not applicable', /no agent/],
  ] as const)('%s is told apart', (status, extensions, tier, state, message) => {
    const health = healthOf(machine(status), extensions, tier, brings);
    expect(health.state).toBe(state);
    expect(health.message).toMatch(message);
    expect(health.remedy === '').toBe(state === 'Healthy');
  });
});

test('a standard plan without a sub-plan is P2', () => {
  const plan = (pricingTier: 'Free' | 'Standard', subPlan?: string): Pricing => ({ id: '/p', name: 'VirtualMachines', type: 't', properties: { pricingTier, ...(subPlan ? { subPlan } : {}) } });
  expect([tierOf(plan('Standard')), tierOf(plan('Standard', 'P1')), tierOf(plan('Free', 'P2')), tierOf(undefined)]).toEqual(['P2', 'P1', 'Free', 'Free']);
});
