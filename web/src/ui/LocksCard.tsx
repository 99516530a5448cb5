import { Button, Field, Input, Radio, RadioGroup, Textarea } from '@fluentui/react-components';
import { AddRegular } from '@fluentui/react-icons/svg/add';
import { DeleteRegular } from '@fluentui/react-icons/svg/delete';
import { useState } from 'react';
import { useDeleteLock, useLocks, useSaveLock, type Lock, type LockLevel } from '@/api/locks';
import { useSession } from '@/api/session';
import { sameId } from '@/lib/arm-id';
import { scopeText } from '@/lib/scope';
import { Card } from './Card';
import { ConfirmDialog } from './ConfirmDialog';
import { DataTable, type Column } from './DataTable';
import { FormDialog } from './FormDialog';
import { useNotify } from './notify';
import { EmptyState, Loaded } from './states';

const levels: Record<LockLevel, string> = { CanNotDelete: 'Delete', ReadOnly: 'Read-only' };

/** The locks that concern a scope: its own, those above, and those below it. */
export function LocksCard({ scope }: { scope: string }) {
  const session = useSession();
  const notify = useNotify();
  const locks = useLocks(scope);
  const remove = useDeleteLock();
  const [adding, setAdding] = useState(false);
  const [removing, setRemoving] = useState<Lock>();
  const columns: Column<Lock>[] = [
    { id: 'name', header: 'Lock', width: '26%', sort: (row) => row.name, render: (row) => row.name },
    { id: 'level', header: 'Forbids', width: '110px', sort: (row) => row.properties.level, render: (row) => levels[row.properties.level] },
    { id: 'scope', header: 'Scope', width: '26%', sort: (row) => row.scope, render: (row) => <span title={row.scope}>{sameId(row.scope, scope) ? 'This resource' : scopeText(row.scope, session.subscriptionName)}</span> },
    { id: 'notes', header: 'Notes', wrap: true, render: (row) => row.properties.notes || '–' },
    { id: 'remove', header: '', width: '64px', align: 'end', render: (row) => <Button appearance="subtle" icon={<DeleteRegular />} aria-label={`Delete lock ${row.name}`} onClick={() => setRemoving(row)} /> },
  ];
  return (
    <Card flush title="Locks" action={<Button size="small" icon={<AddRegular />} onClick={() => setAdding(true)}>Add lock</Button>}>
      <Loaded query={locks} what="locks" rows={2}>
        {(all) => <DataTable label="Locks" columns={columns} rows={all} rowKey={(row) => row.id} initialSort={{ id: 'name' }} minWidth={560} empty={<EmptyState title="No locks">A lock keeps this from being deleted or changed by anybody until it is taken away.</EmptyState>} />}
      </Loaded>
      {adding && <LockDialog scope={scope} onClose={() => setAdding(false)} />}
      {removing && (
        <ConfirmDialog title="Delete lock" submit="Delete" busy={remove.isPending} error={remove.error} failed="The lock was not deleted" onClose={() => { remove.reset(); setRemoving(undefined); }}
          onConfirm={() => remove.mutate(removing, { onSuccess: () => { notify.done('Lock deleted'); setRemoving(undefined); } })}>
          What {removing.name} protects can be {removing.properties.level === 'ReadOnly' ? 'changed and deleted' : 'deleted'} again.
        </ConfirmDialog>
      )}
    </Card>
  );
}

function LockDialog({ scope, onClose }: { scope: string; onClose: () => void }) {
  const notify = useNotify();
  const save = useSaveLock(scope);
  const [name, setName] = useState('');
  const [level, setLevel] = useState<LockLevel>('CanNotDelete');
  const [notes, setNotes] = useState('');
  const wrong = name !== '' && !/^[\w.()-]{1,90}$/.test(name);
  return (
    <FormDialog title="Add lock" submit="Add" busy={save.isPending} disabled={!name || wrong} error={save.error} failed="The lock was not added" onClose={onClose}
      onSubmit={() => save.mutate({ name, level, notes: notes.trim() }, { onSuccess: () => { notify.done('Lock added'); onClose(); } })}>
      <Field label="Name" required {...(wrong ? { validationMessage: 'Letters, digits and _ . ( ) -, at most 90' } : {})}><Input value={name} onChange={(_, data) => setName(data.value)} /></Field>
      <Field label="Forbids">
        <RadioGroup value={level} onChange={(_, data) => setLevel(data.value as LockLevel)}>
          <Radio value="CanNotDelete" label="Delete: nothing here can be deleted" />
          <Radio value="ReadOnly" label="Read-only: nothing here can be changed or deleted" />
        </RadioGroup>
      </Field>
      <Field label="Notes"><Textarea value={notes} maxLength={512} onChange={(_, data) => setNotes(data.value)} /></Field>
    </FormDialog>
  );
}
