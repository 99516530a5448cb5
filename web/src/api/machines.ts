import { queryOptions, useQueries, useQuery } from '@tanstack/react-query';
import { armUrl, listAll, request } from './client';
import { subscriptionScope, useSession } from './session';
import type { Machine, MachineExtension, Session } from './types';
import { versions } from './versions';

const machinesType = 'microsoft.hybridcompute/machines';
const extensionsType = 'microsoft.hybridcompute/machines/extensions';

function machinesQuery(session: Session) {
  return queryOptions({
    queryKey: [machinesType, session.subscriptionId],
    queryFn: ({ signal }) =>
      listAll<Machine>(
        armUrl(`${subscriptionScope(session)}/providers/Microsoft.HybridCompute/machines`, versions.machines),
        signal,
      ),
  });
}

export function useMachines() {
  return useQuery(machinesQuery(useSession()));
}

export function useMachine(id: string) {
  return useQuery({
    queryKey: [machinesType, 'one', id.toLowerCase()],
    queryFn: ({ signal }) => request<Machine>('GET', armUrl(id, versions.machines), { signal }),
  });
}

function extensionsQuery(machineId: string) {
  return queryOptions({
    queryKey: [extensionsType, machineId.toLowerCase()],
    queryFn: ({ signal }) => listAll<MachineExtension>(armUrl(`${machineId}/extensions`, versions.machines), signal),
  });
}

export function useExtensions(machineId: string) {
  return useQuery(extensionsQuery(machineId));
}

/** The extensions of each machine, by lower-case machine id; a machine is absent until its list is there. */
export function useExtensionsOf(machines: readonly Machine[]): Map<string, MachineExtension[]> {
  return useQueries({
    queries: machines.map((machine) => extensionsQuery(machine.id)),
    combine: (results) => {
      const found = new Map<string, MachineExtension[]>();
      results.forEach((result, at) => {
        const machine = machines[at];
        if (machine && result.data) found.set(machine.id.toLowerCase(), result.data);
      });
      return found;
    },
  });
}
