/** Tables as resources: those that the query mock has rows of, and one of the workspace's own. */
import type { Item } from './hosts.ts';
import { workspace } from './ids.ts';
import { metadata } from './query.ts';

const type = 'Microsoft.OperationalInsights/workspaces/tables';

export function tableItems(): Item[] {
  const standard = metadata.tables.map((table): Item => ({
    id: `${workspace}/tables/${table.name}`, name: table.name, type,
    properties: { plan: 'Analytics', provisioningState: 'Succeeded', retentionInDays: 90, totalRetentionInDays: table.name === 'SecurityEvent' ? 365 : 90, schema: { name: table.name, description: table.description, tableType: 'Microsoft', standardColumns: table.columns.map((column) => ({ ...column, description: column.name === 'TimeGenerated' ? 'When it happened' : '' })) } },
  }));
  const own: Item = { id: `${workspace}/tables/DoorLog_CL`, name: 'DoorLog_CL', type, properties: { schema: { name: 'DoorLog_CL', description: 'Doors of the data centre', columns: [{ name: 'TimeGenerated', type: 'datetime' }, { name: 'Door', type: 'string' }, { name: 'Opened', type: 'bool' }] } } };
  asTable(own);
  return [...standard, own];
}

/** Adds what the server adds to a table that was written. */
export function asTable(item: Item): void {
  for (const member of ['retentionInDays', 'totalRetentionInDays']) if (item.properties[member] === -1) delete item.properties[member];
  const schema = (item.properties['schema'] ?? {}) as Record<string, unknown>;
  schema['tableType'] ??= 'CustomLog';
  item.properties = { plan: 'Analytics', provisioningState: 'Succeeded', retentionInDays: 90, totalRetentionInDays: 90, ...item.properties, schema };
}
