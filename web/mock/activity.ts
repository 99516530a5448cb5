/** Rows of the activity log, filtered as the page's query says. */
import { ago, machineId, resourceGroup, security, uuid } from './ids.ts';

interface Entry {
  operation: string;
  id: string;
  caller: string;
  minutes: number;
  before?: unknown;
  after?: unknown;
}

const plan = (pricingTier: string, subPlan?: string) => ({ properties: { pricingTier, ...(subPlan ? { subPlan } : {}) } });

const entries: readonly Entry[] = [
  { operation: 'Microsoft.Security/pricings/write', id: `${security}/pricings/VirtualMachines`, caller: 'owner', minutes: 12, before: plan('Standard', 'P1'), after: plan('Standard', 'P2') },
  { operation: 'Microsoft.HybridCompute/machines/write', id: machineId('web-02'), caller: 'onboarding', minutes: 45, before: null, after: { location: 'local', tags: { environment: 'production' }, properties: { status: 'Connected' } } },
  { operation: 'Microsoft.Authorization/roleAssignments/write', id: `${resourceGroup}/providers/Microsoft.Authorization/roleAssignments/${uuid('new')}`, caller: 'owner', minutes: 100, before: null, after: { properties: { principalId: uuid('userops@example.internal') } } },
  { operation: 'Microsoft.Authorization/locks/delete', id: `${resourceGroup}/providers/Microsoft.Authorization/locks/old`, caller: 'ops@example.internal', minutes: 300, before: { properties: { level: 'ReadOnly' } }, after: null },
  { operation: 'Microsoft.Authorization/users/revoke/action', id: `/providers/Microsoft.Authorization/users/${uuid('userwatch@example.internal')}`, caller: 'owner', minutes: 500 },
];

export function activityTable(query: string): object {
  const part = (column: string) => new RegExp(`${column} (?:contains|==) "([^"]*)"`).exec(query)?.[1]?.toLowerCase() ?? '';
  const wanted = entries.filter((entry) => entry.caller.includes(part('Caller')) && entry.operation.toLowerCase().includes(part('OperationNameValue')) && entry.id.toLowerCase().includes(part('ResourceId')) && 'success'.includes(part('ActivityStatusValue')));
  const columns = ['TimeGenerated:datetime', 'OperationName:string', 'Caller:string', 'CallerIpAddress:string', 'ActivityStatusValue:string', 'ResourceId:string', 'ResourceGroup:string', 'CorrelationId:string', 'Properties_d:dynamic'];
  return {
    name: 'PrimaryResult', columns: columns.map((text) => ({ name: text.split(':')[0], type: text.split(':')[1] })),
    rows: wanted.map((entry) => [ago(entry.minutes), entry.operation, entry.caller, '10.20.0.7', 'Success', entry.id, entry.id.includes('/resourceGroups/') ? 'bartizan' : '', uuid(entry.id), JSON.stringify({ eventCategory: 'Administrative', ...('before' in entry ? { before: entry.before, after: entry.after } : {}) })]),
  };
}
