/** The workspace's tables and functions in the form that the Kusto language service takes. */
import type { Database, EngineSchema } from '@kusto/monaco-kusto';
import type { Metadata } from '@/api/types';

export function toKustoSchema(metadata: Metadata): EngineSchema {
  const database: Database = {
    name: 'workspace',
    majorVersion: 1,
    minorVersion: 0,
    entityGroups: [],
    tables: metadata.tables.map((table) => ({
      name: table.name,
      entityType: 'Table' as const,
      docstring: table.description ?? '',
      columns: table.columns.map((column) => ({ name: column.name, type: column.type, docstring: column.description ?? '' })),
    })),
    functions: (metadata.functions ?? []).map((fn) => ({
      name: fn.name,
      body: `{${fn.body ?? ''}}`,
      docstring: fn.description ?? '',
      inputParameters: [],
    })),
  };
  return {
    clusterType: 'Engine',
    cluster: { connectionString: 'https://workspace', databases: [database] },
    database,
  };
}
