import { Button, Field, Input, Radio, RadioGroup, Textarea } from '@fluentui/react-components';
import { DeleteRegular } from '@fluentui/react-icons/svg/delete';
import { useState } from 'react';
import { useEndExemption, useExempt, useExemptions } from '@/api/policy';
import type { PolicyAssignment, PolicyExemption } from '@/api/types';
import { armName, scopeOf } from '@/lib/arm-id';
import { scopeText } from '@/lib/scope';
import { ConfirmDialog } from '@/ui/ConfirmDialog';
import { DataTable, type Column } from '@/ui/DataTable';
import { FormDialog } from '@/ui/FormDialog';
import { useNotify } from '@/ui/notify';
import { EmptyState, Loaded } from '@/ui/states';
import { Status } from '@/ui/Status';
import { When } from '@/ui/When';

/** Which resources are let off which assignment, why, and until when. */
export function Exemptions({ assignments }: { assignments: readonly PolicyAssignment[] }) {
  const notify = useNotify();
  const exemptions = useExemptions();
  const end = useEndExemption();
  const [ending, setEnding] = useState<PolicyExemption>();
  const titleOf = ({ properties }: PolicyExemption) => assignments.find(({ id }) => id.toLowerCase() === properties.policyAssignmentId.toLowerCase())?.properties.displayName ?? armName(properties.policyAssignmentId);
  const columns: Column<PolicyExemption>[] = [
    { id: 'scope', header: 'Exempt', width: '24%', sort: (row) => scopeOf(row.id), render: (row) => <span title={scopeOf(row.id)}>{scopeText(scopeOf(row.id))}</span> },
    { id: 'assignment', header: 'From assignment', wrap: true, sort: titleOf, render: titleOf },
    { id: 'why', header: 'Why', wrap: true, render: ({ properties }) => properties.description ?? properties.displayName ?? '–' },
    { id: 'category', header: 'Category', width: '110px', sort: ({ properties }) => properties.exemptionCategory, render: ({ properties }) => properties.exemptionCategory },
    { id: 'until', header: 'Until', width: '160px', sort: ({ properties }) => properties.expiresOn ?? '9', render: ({ properties }) => until(properties.expiresOn) },
    { id: 'end', header: '', width: '64px', align: 'end', render: (row) => <Button appearance="subtle" icon={<DeleteRegular />} aria-label={`End exemption of ${armName(scopeOf(row.id))}`} onClick={() => setEnding(row)} /> },
  ];
  return (
    <>
      <Loaded query={exemptions} what="exemptions">
        {(rows) => <DataTable label="Exemptions" columns={columns} rows={rows} rowKey={(row) => row.id} minWidth={800} empty={<EmptyState title="Nothing is exempt">A resource is exempted from the list of those that do not comply.</EmptyState>} />}
      </Loaded>
      {ending && (
        <ConfirmDialog title="End exemption" submit="End" busy={end.isPending} error={end.error} failed="The exemption was not ended" onClose={() => { end.reset(); setEnding(undefined); }}
          onConfirm={() => end.mutate(ending, { onSuccess: () => { notify.done('Exemption ended'); setEnding(undefined); } })}>
          {titleOf(ending)} holds for {scopeText(scopeOf(ending.id))} again.
        </ConfirmDialog>
      )}
    </>
  );
}

function until(expiresOn: string | undefined) {
  if (!expiresOn) return 'No end';
  return new Date(expiresOn) < new Date() ? <Status tone="warn">Expired</Status> : <When at={expiresOn} />;
}

/** Exempts one resource from one assignment. */
export function ExemptDialog({ resource, assignment, onClose }: { resource: string; assignment: { id: string; title: string }; onClose: () => void }) {
  const notify = useNotify();
  const exempt = useExempt(resource);
  const [category, setCategory] = useState<PolicyExemption['properties']['exemptionCategory']>('Waiver');
  const [why, setWhy] = useState('');
  const [end, setEnd] = useState('');
  const submit = () => exempt.mutate(
    {
      policyAssignmentId: assignment.id, exemptionCategory: category, displayName: `${armName(resource)}: ${assignment.title}`.slice(0, 128), description: why.trim(),
      ...(end ? { expiresOn: new Date(`${end}T23:59:59`).toISOString() } : {}),
    },
    { onSuccess: () => { notify.done(`${armName(resource)} is exempt`); onClose(); } },
  );
  return (
    <FormDialog title={`Exempt ${armName(resource)}`} submit="Exempt" busy={exempt.isPending} disabled={why.trim() === ''} error={exempt.error} failed="The exemption was not made" onClose={onClose} onSubmit={submit}>
      <div>{assignment.title} will count as met for it, and asks nothing of it.</div>
      <Field label="Category">
        <RadioGroup value={category} onChange={(_, data) => setCategory(data.value as typeof category)}>
          <Radio value="Waiver" label="Waiver: the risk is accepted" />
          <Radio value="Mitigated" label="Mitigated: met in another way" />
        </RadioGroup>
      </Field>
      <Field label="Why" required><Textarea value={why} maxLength={512} onChange={(_, data) => setWhy(data.value)} /></Field>
      <Field label="Until" hint="Empty: until somebody ends it"><Input type="date" value={end} onChange={(_, data) => setEnd(data.value)} /></Field>
    </FormDialog>
  );
}
