/** Names and ids of the mock's only tenant. */
export const tenantId = '6f1c2f0e-52a7-4b4f-9a35-0c6a1a4f3b10';
export const subscriptionId = '2f9a7c1e-8f3b-4d0a-bb1e-71b8a3f0c9d2';
export const customerId = '9b1e5c47-3d62-4a8f-8f0c-5e2d7a6b4c31';
export const subscription = `/subscriptions/${subscriptionId}`;
export const resourceGroup = `${subscription}/resourceGroups/bartizan`;
export const workspace = `${resourceGroup}/providers/Microsoft.OperationalInsights/workspaces/bartizan`;
export const sentinel = `${workspace}/providers/Microsoft.SecurityInsights`;
export const security = `${subscription}/providers/Microsoft.Security`;

export function machineId(name: string): string {
  return `${resourceGroup}/providers/Microsoft.HybridCompute/machines/${name}`;
}

/** Minutes ago, as an ISO date. */
export function ago(minutes: number): string {
  return new Date(Date.now() - minutes * 60_000).toISOString();
}

/** The same id for the same text on every run. */
export function uuid(seed: string): string {
  let hash = 0x811c9dc5;
  let hex = '';
  for (let round = 0; round < 4; round += 1) {
    for (const char of seed + String(round)) hash = Math.imul(hash ^ char.charCodeAt(0), 0x01000193) >>> 0;
    hex += hash.toString(16).padStart(8, '0');
  }
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
