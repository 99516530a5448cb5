import type { UseQueryResult } from '@tanstack/react-query';
import type { Entity } from '@/api/types';
import { kqlString } from '@/lib/kql-text';
import { paths } from '@/lib/paths';
import { AppLink } from '@/ui/AppLink';
import { Card } from '@/ui/Card';
import { DataTable, type Column } from '@/ui/DataTable';
import { EmptyState, Loaded } from '@/ui/states';
import { spaced } from './words';

const columns: readonly Column<Entity>[] = [
  { id: 'name', header: 'Entity', width: '30%', sort: nameOf, render: nameOf },
  { id: 'kind', header: 'Type', width: '140px', sort: (row) => row.kind ?? '', render: (row) => spaced(row.kind ?? 'Unknown') },
  { id: 'details', header: 'Details', wrap: true, render: detailsOf },
  { id: 'logs', header: 'Look for it', width: '130px', render: (row) => <AppLink to={paths.logs({ q: searchFor(row), range: '24h' })}>Search logs</AppLink> },
];

export function EntitiesTab({ entities }: { entities: UseQueryResult<Entity[]> }) {
  return (
    <Card flush>
      <Loaded query={entities} what="entities">
        {(found) => <DataTable label="Entities" columns={columns} rows={found} rowKey={(row) => row.id} empty={<EmptyState title="No entities were recognised" />} />}
      </Loaded>
    </Card>
  );
}

function nameOf(entity: Entity): string {
  const { properties } = entity;
  const named = ['friendlyName', 'hostName', 'accountName', 'address', 'commandLine', 'fileName', 'name', 'url'].map((key) => properties[key]).find((value) => typeof value === 'string' && value !== '');
  return typeof named === 'string' ? named : entity.name;
}

function detailsOf(entity: Entity): string {
  return Object.entries(entity.properties)
    .filter(([name, value]) => name !== 'friendlyName' && (typeof value === 'string' || typeof value === 'number') && value !== '')
    .map(([name, value]) => `${spaced(name)}: ${String(value)}`)
    .join(' · ');
}

function searchFor(entity: Entity): string {
  const text = kqlString(nameOf(entity));
  return `Syslog\n| where ${entity.kind === 'Host' ? `Computer == ${text}` : `SyslogMessage has ${text}`}\n| sort by TimeGenerated desc\n| take 200`;
}
