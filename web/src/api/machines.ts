import { queryOptions, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { armUrl, listAll, request } from './client';
import { subscriptionScope, useSession } from './session';
import type { Diagnosis, Machine, MachineExtension, Session, TestAlert } from './types';
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

export function useExtensions(machineId: string) {
  return useQuery({
    queryKey: [extensionsType, machineId.toLowerCase()],
    queryFn: ({ signal }) => listAll<MachineExtension>(armUrl(`${machineId}/extensions`, versions.machines), signal),
  });
}

/** Takes a machine off the server; its agent's certificate is refused from then on. */
export function useDeleteMachine() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (id: string) => request<undefined>('DELETE', armUrl(id, versions.machines)),
    onSettled: () => client.invalidateQueries({ queryKey: [machinesType] }),
  });
}

/** The six checks, made now. */
export function useDiagnosis(machineId: string) {
  return useMutation({
    mutationFn: () => request<Diagnosis>('GET', armUrl(`${machineId}/providers/Bartizan.Security/diagnosis/latest`, versions.diagnosis)),
  });
}

const testType = 'bartizan.security/testalerts';
/** A test takes some seconds; each hop is shown when it is passed. */
const testPollMs = 700;

const tests = (machineId: string) => `${machineId}/providers/Bartizan.Security/testAlerts`;

/** The machine's last test alert, followed while it runs; `null` when it has had none. */
export function useTestAlert(machineId: string) {
  return useQuery({
    queryKey: [testType, machineId.toLowerCase()],
    queryFn: async ({ signal }) => (await listAll<TestAlert>(armUrl(tests(machineId), versions.diagnosis), signal))[0] ?? null,
    refetchInterval: (query) => (query.state.data?.properties.state === 'Running' ? testPollMs : false),
  });
}

/** Starts a test alert on the machine. */
export function useStartTestAlert(machineId: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: () => request<TestAlert>('POST', armUrl(`${tests(machineId)}/latest/start`, versions.diagnosis), { body: {} }),
    onSuccess: (test) => client.setQueryData([testType, machineId.toLowerCase()], test),
  });
}
