import { Button } from '@fluentui/react-components';
import { useState } from 'react';
import { statesMax, useEvaluatePolicies, useFailingStates, usePolicyAssignments, usePolicySummary, type PolicySummary } from '@/api/policy';
import type { PolicyAssignment, PolicyState } from '@/api/types';
import { armName, isMachineId } from '@/lib/arm-id';
import { paths } from '@/lib/paths';
import { AppLink } from '@/ui/AppLink';
import { Card } from '@/ui/Card';
import { DataTable, type Column } from '@/ui/DataTable';
import { useNotify } from '@/ui/notify';
import { toneColor } from '@/ui/palette';
import { SplitBar } from '@/ui/SplitBar';
import { EmptyState, Loaded } from '@/ui/states';
import { Status } from '@/ui/Status';
import { useSearchState } from '@/ui/use-search-state';
import { When } from '@/ui/When';
import { TabStrip } from '@/ui/TabStrip';
import { ExemptDialog, Exemptions } from './Exemptions';
import { Remediations } from './Remediations';
import { SettingsFrame } from './SettingsFrame';

interface Row {
  assignment: PolicyAssignment;
  /** Nothing where it was not evaluated yet. */
  of: ReturnType<PolicySummary['assignments']['get']>;
}

const assignmentColumns: readonly Column<Row>[] = [
  { id: 'name', header: 'Assignment', wrap: true, sort: ({ assignment }) => titleOf(assignment), render: ({ assignment }) => titleOf(assignment) },
  { id: 'mode', header: 'Enforcement', width: '120px', render: ({ assignment }) => (assignment.properties.enforcementMode === 'DoNotEnforce' ? 'Off' : 'On') },
  { id: 'effect', header: 'Effect', width: '170px', render: ({ of }) => of?.effects.join(', ') ?? '–' },
  {
    id: 'state', header: 'Compliance state', width: '170px', sort: ({ of }) => (of ? of.compliant - of.total : 1),
    render: ({ of }) => (!of ? <Status tone="neutral">Not evaluated</Status> : of.compliant === of.total ? <Status tone="good">Compliant</Status> : <Status tone="warn">Non-compliant</Status>),
  },
  {
    id: 'resources', header: 'Resources', width: '220px',
    render: ({ of = { total: 0, compliant: 0 } }) => (
      <div style={{ display: 'flex', flexDirection: 'column', gap: 6 }}>
        <span>{of.compliant} of {of.total} compliant</span>
        <SplitBar label="Resources" slices={[{ label: 'compliant', value: of.compliant, color: toneColor.good }, { label: 'non-compliant', value: of.total - of.compliant, color: toneColor.warn }]} />
      </div>
    ),
  },
];

/** Effects that can mend what exists. */
const mending = ['deployifnotexists', 'modify'];

/** Policy assignments, whether resources comply, what is exempt, and what is being mended. */
export default function PolicyPage() {
  const notify = useNotify();
  const assignments = usePolicyAssignments();
  const summary = usePolicySummary();
  const states = useFailingStates();
  const evaluate = useEvaluatePolicies();
  const [view, setView] = useSearchState('view', 'assignments');
  const [exempting, setExempting] = useState<PolicyState>();
  const all = assignments.data ?? [];
  const rows = all.map((assignment): Row => ({ assignment, of: summary.data?.assignments.get(assignment.id.toLowerCase()) }));
  const titles = new Map(all.map((assignment) => [assignment.id.toLowerCase(), titleOf(assignment)]));
  const assignmentTitle = (row: PolicyState) => titles.get(row.policyAssignmentId.toLowerCase()) ?? row.policyAssignmentName ?? armName(row.policyAssignmentId);
  const failing = states.data ?? [];
  const mendable = rows.filter(({ of }) => of?.effects.some((effect) => mending.includes(effect))).map((row) => row.assignment);
  const stateColumns: Column<PolicyState>[] = [
    { id: 'resource', header: 'Resource', width: '22%', sort: (row) => armName(row.resourceId), render: (row) => (isMachineId(row.resourceId) ? <AppLink strong to={paths.machine(row.resourceId)}>{armName(row.resourceId)}</AppLink> : armName(row.resourceId)) },
    { id: 'policy', header: 'Assignment', wrap: true, render: assignmentTitle },
    { id: 'state', header: 'State', width: '160px', render: () => <Status tone="warn">Non-compliant</Status> },
    { id: 'time', header: 'Evaluated', width: '150px', sort: (row) => row.timestamp ?? '', render: (row) => <When at={row.timestamp} /> },
    { id: 'exempt', header: '', width: '110px', align: 'end', render: (row) => <Button size="small" aria-label={`Exempt ${armName(row.resourceId)} from ${assignmentTitle(row)}`} onClick={() => setExempting(row)}>Exempt…</Button> },
  ];
  const evaluation = () => evaluate.mutate(undefined, {
    onSuccess: () => notify.done('Evaluation started', 'States change here as it goes on.'),
    onError: (error) => notify.failed('The evaluation was not started', error),
  });
  return (
    <SettingsFrame title="Security policy" actions={<Button disabled={evaluate.isPending} onClick={evaluation}>Evaluate now</Button>}>
      <TabStrip label="View" value={view} onChange={setView} tabs={[
        { id: 'assignments', text: 'Policy assignments', count: assignments.data?.length },
        { id: 'failing', text: 'Non-compliant resources', count: summary.data?.failing },
        { id: 'exemptions', text: 'Exemptions' },
        { id: 'remediation', text: 'Remediation' },
      ]} />
      {view === 'remediation' ? <Remediations assignments={all} mendable={mendable} /> : (
        <Card flush>
          {view === 'exemptions' ? <Exemptions assignments={all} /> : view === 'assignments' ? (
            <Loaded query={assignments} what="policy assignments">
              {() => <DataTable key="assignments" label="Policy assignments" columns={assignmentColumns} rows={rows} rowKey={(row) => row.assignment.id} minWidth={800} empty={<EmptyState title="No policy is assigned">Turning on a plan assigns the policies that it needs.</EmptyState>} />}
            </Loaded>
          ) : (
            <Loaded query={states} what="compliance states">
              {() => <DataTable key="states" label="Non-compliant resources" columns={stateColumns} rows={failing} rowKey={(row) => row.policyAssignmentId + row.resourceId + (row.policyDefinitionId ?? '')} empty={<EmptyState title="Every resource complies" />} />}
            </Loaded>
          )}
        </Card>
      )}
      {view === 'failing' && failing.length === statesMax && <span>The first {statesMax} are shown. Query policyresources in Resource Graph for all of them.</span>}
      {exempting && <ExemptDialog resource={exempting.resourceId} assignment={{ id: exempting.policyAssignmentId, title: assignmentTitle(exempting) }} onClose={() => setExempting(undefined)} />}
    </SettingsFrame>
  );
}

function titleOf(assignment: PolicyAssignment): string {
  return assignment.properties.displayName ?? assignment.name;
}
