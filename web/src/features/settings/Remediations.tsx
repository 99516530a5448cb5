import { Button, Field, Select, Switch } from '@fluentui/react-components';
import { AddRegular } from '@fluentui/react-icons/svg/add';
import { useState } from 'react';
import { isRunning, useEndRemediation, useRemediate, useRemediationDeployments, useRemediations } from '@/api/policy';
import type { PolicyAssignment, Remediation, RemediationDeployment } from '@/api/types';
import { armName } from '@/lib/arm-id';
import { AppLink } from '@/ui/AppLink';
import { Card } from '@/ui/Card';
import { DataTable, type Column } from '@/ui/DataTable';
import { Facts } from '@/ui/Facts';
import { FormDialog } from '@/ui/FormDialog';
import { useNotify } from '@/ui/notify';
import type { Tone } from '@/ui/palette';
import { SidePanel } from '@/ui/SidePanel';
import { EmptyState, Loaded } from '@/ui/states';
import { Status } from '@/ui/Status';
import { useSearchState } from '@/ui/use-search-state';
import { When } from '@/ui/When';

const tones: Record<string, Tone> = { Succeeded: 'good', Failed: 'bad', Canceled: 'neutral', Cancelling: 'busy', Accepted: 'busy', Evaluating: 'busy', InProgress: 'busy', Running: 'busy' };

const deploymentColumns: readonly Column<RemediationDeployment>[] = [
  { id: 'resource', header: 'Resource', width: '34%', sort: (row) => armName(row.remediatedResourceId), render: (row) => <span title={row.remediatedResourceId}>{armName(row.remediatedResourceId)}</span> },
  { id: 'status', header: 'State', width: '130px', sort: (row) => row.status, render: (row) => <Status tone={tones[row.status] ?? 'neutral'}>{row.status}</Status> },
  { id: 'message', header: 'Message', wrap: true, render: (row) => row.error?.message ?? '–' },
];

/** Tasks that mend what exists and does not comply: under which assignment, how far they are, and what each did. */
export function Remediations({ assignments, mendable }: { assignments: readonly PolicyAssignment[]; mendable: readonly PolicyAssignment[] }) {
  const remediations = useRemediations();
  const [adding, setAdding] = useState(false);
  const [shown, setShown] = useSearchState('task');
  const titleOf = (row: Remediation) => {
    const assignment = assignments.find(({ id }) => id.toLowerCase() === row.properties.policyAssignmentId.toLowerCase());
    return assignment?.properties.displayName ?? armName(row.properties.policyAssignmentId);
  };
  const columns: Column<Remediation>[] = [
    { id: 'assignment', header: 'Assignment', wrap: true, sort: titleOf, render: (row) => <AppLink strong to={`?view=remediation&task=${encodeURIComponent(row.name)}`}>{titleOf(row)}</AppLink> },
    { id: 'state', header: 'State', width: '150px', sort: ({ properties }) => properties.provisioningState, render: ({ properties }) => <Status tone={tones[properties.provisioningState] ?? 'neutral'}>{properties.provisioningState}</Status> },
    { id: 'done', header: 'Resources', width: '190px', render: (row) => counts(row) },
    { id: 'created', header: 'Started', width: '150px', sort: ({ properties }) => properties.createdOn ?? '', render: ({ properties }) => <When at={properties.createdOn} /> },
  ];
  const selected = remediations.data?.find(({ name }) => name === shown);
  return (
    <Card flush title="Remediation tasks" action={<Button size="small" icon={<AddRegular />} disabled={mendable.length === 0} onClick={() => setAdding(true)}>Remediate</Button>}>
      <Loaded query={remediations} what="remediation tasks">
        {(rows) => <DataTable label="Remediation tasks" columns={columns} rows={rows} rowKey={(row) => row.id} initialSort={{ id: 'created', descending: true }} minWidth={720} empty={<EmptyState title="No remediation task">New servers are provided for by themselves. A task deploys again what failed, and changes what a modify policy is about.</EmptyState>} />}
      </Loaded>
      {adding && <RemediateDialog mendable={mendable} onClose={() => setAdding(false)} />}
      {selected && <RemediationPanel remediation={selected} title={titleOf(selected)} onClose={() => setShown('')} />}
    </Card>
  );
}

function counts({ properties }: Remediation): string {
  const { totalDeployments: total = 0, successfulDeployments: good = 0, failedDeployments: bad = 0 } = properties.deploymentStatus ?? {};
  return total === 0 ? 'none' : `${good} of ${total}${bad > 0 ? `, ${bad} failed` : ''}`;
}

function RemediateDialog({ mendable, onClose }: { mendable: readonly PolicyAssignment[]; onClose: () => void }) {
  const notify = useNotify();
  const start = useRemediate();
  const [assignment, setAssignment] = useState(mendable[0]?.id ?? '');
  const [again, setAgain] = useState(true);
  const submit = () => start.mutate(
    { policyAssignmentId: assignment, resourceDiscoveryMode: again ? 'ReEvaluateCompliance' : 'ExistingNonCompliant' },
    { onSuccess: () => { notify.done('Remediation started'); onClose(); } },
  );
  return (
    <FormDialog title="Remediate" submit="Start" busy={start.isPending} disabled={!assignment} error={start.error} failed="The remediation was not started" onClose={onClose} onSubmit={submit}>
      <Field label="Assignment" hint="Those that deploy or change something">
        <Select value={assignment} onChange={(_, data) => setAssignment(data.value)}>
          {mendable.map((row) => <option key={row.id} value={row.id}>{row.properties.displayName ?? row.name}</option>)}
        </Select>
      </Field>
      <Switch checked={again} label="Evaluate first, so that the newest changes count" onChange={(_, data) => setAgain(data.checked)} />
    </FormDialog>
  );
}

function RemediationPanel({ remediation, title, onClose }: { remediation: Remediation; title: string; onClose: () => void }) {
  const notify = useNotify();
  const deployments = useRemediationDeployments(remediation);
  const end = useEndRemediation();
  const running = isRunning(remediation);
  const { provisioningState, createdOn, statusMessage } = remediation.properties;
  const finish = () => end.mutate(remediation, {
    onSuccess: () => { notify.done(running ? 'Remediation cancelled' : 'Remediation removed'); if (!running) onClose(); },
    onError: (error) => notify.failed(running ? 'The remediation was not cancelled' : 'The remediation was not removed', error),
  });
  return (
    <SidePanel wide title={title} onClose={onClose} footer={<Button disabled={end.isPending} onClick={finish}>{running ? 'Cancel the task' : 'Remove from the list'}</Button>}>
      <Facts facts={[
        ['State', <Status key="state" tone={tones[provisioningState] ?? 'neutral'}>{provisioningState}</Status>],
        ['Resources', counts(remediation)],
        ['Started', createdOn && <When key="when" at={createdOn} />],
        ['Message', statusMessage],
      ]} />
      <Loaded query={deployments} what="deployments" rows={3}>
        {(rows) => <DataTable label="Deployments" columns={deploymentColumns} rows={rows} rowKey={(row) => row.remediatedResourceId} minWidth={480} empty={<EmptyState title="Nothing was deployed yet" />} />}
      </Loaded>
    </SidePanel>
  );
}
