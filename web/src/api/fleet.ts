/**
 * What an inventory needs of every machine, in few answers. Resource Graph gives at most 1,000 rows at once, so the
 * entries of many machines share a row; 100,000 machines are one answer and not a hundred.
 */
import { useMemo } from 'react';
import { useQuery } from '@tanstack/react-query';
import { graphRows, useGraph } from './graph';
import { useSession } from './session';
import type { Machine, MachineExtension } from './types';

const share = '| summarize Entries = make_list(Entry, 1048576) by Bucket = hash(Machine, 500)';

export const extensionsQuery = [
  'resources',
  "| where type =~ 'microsoft.hybridcompute/machines/extensions'",
  "| extend Machine = tostring(split(tolower(id), '/extensions/')[0]), State = tostring(properties.provisioningState)",
  "| project Machine, Entry = strcat(Machine, '\\n', name, '\\n', tostring(properties.type), '\\n', State, '\\n', iff(State == 'Succeeded', '', tostring(properties.instanceView.status.message)))",
  share,
].join('\n');

export const unhealthyQuery = [
  'securityresources',
  "| where type =~ 'microsoft.security/assessments' and properties.status.code == 'Unhealthy'",
  "| extend Machine = tostring(split(tolower(id), '/providers/microsoft.security/')[0])",
  "| project Machine, Entry = strcat(Machine, '\\n', name)",
  share,
].join('\n');

interface Bucket {
  Entries: string[];
}

function entries(rows: readonly Bucket[]): string[][] {
  return rows.flatMap((row) => row.Entries.map((entry) => entry.split('\n')));
}

/** The extensions of each machine, by lower-case machine id; empty until they are loaded. */
export function useExtensionsOf(machines: readonly Machine[]): Map<string, MachineExtension[]> {
  const session = useSession();
  const found = useQuery({
    queryKey: ['microsoft.hybridcompute/machines/extensions', 'fleet', session.subscriptionId],
    queryFn: async ({ signal }) => extensionsFrom(await graphRows<Bucket>(session, extensionsQuery, signal)),
  }).data;
  return useMemo(() => new Map(found ? machines.map((machine) => [machine.id.toLowerCase(), found.get(machine.id.toLowerCase()) ?? []]) : []), [machines, found]);
}

export function extensionsFrom(rows: readonly Bucket[]): Map<string, MachineExtension[]> {
  const out = new Map<string, MachineExtension[]>();
  for (const [machine = '', name = '', type = '', provisioningState = '', ...message] of entries(rows)) {
    const status = message.join('\n');
    const extension: MachineExtension = {
      id: `${machine}/extensions/${name}`, name, type: 'Microsoft.HybridCompute/machines/extensions',
      properties: { type, provisioningState, ...(status ? { instanceView: { status: { message: status } } } : {}) },
    };
    const own = out.get(machine);
    if (own) own.push(extension);
    else out.set(machine, [extension]);
  }
  return out;
}

/** The keys of the recommendations that each machine does not follow, by lower-case machine id. */
export function useUnhealthy(): Map<string, string[]> | undefined {
  const rows = useGraph<Bucket>('microsoft.security/assessments', unhealthyQuery).data;
  return useMemo(() => {
    if (!rows) return undefined;
    const out = new Map<string, string[]>();
    for (const [machine = '', key = ''] of entries(rows)) {
      const own = out.get(machine);
      if (own) own.push(key.toLowerCase());
      else out.set(machine, [key.toLowerCase()]);
    }
    return out;
  }, [rows]);
}
