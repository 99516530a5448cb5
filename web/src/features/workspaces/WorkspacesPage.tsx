import { Button, Field, Input, Select } from '@fluentui/react-components';
import { AddRegular } from '@fluentui/react-icons/svg/add';
import { DatabaseRegular } from '@fluentui/react-icons/svg/database';
import { useState } from 'react';
import { useGroups } from '@/api/resources';
import { useSession } from '@/api/session';
import { useAnyWorkspaces, useCreateWorkspace, type AnyWorkspace } from '@/api/workspace';
import { sameId } from '@/lib/arm-id';
import { paths } from '@/lib/paths';
import { countOf } from '@/lib/units';
import { AppLink } from '@/ui/AppLink';
import { Card } from '@/ui/Card';
import { DataTable, type Column } from '@/ui/DataTable';
import { FormDialog } from '@/ui/FormDialog';
import { Page } from '@/ui/Page';
import { EmptyState, Loaded } from '@/ui/states';

/** The Log Analytics workspaces of all subscriptions. */
export default function WorkspacesPage() {
  const session = useSession();
  const workspaces = useAnyWorkspaces();
  const [creating, setCreating] = useState(false);
  const of = (row: AnyWorkspace) => (sameId(row.id, session.workspaceId) ? undefined : row.customerId);
  const columns: Column<AnyWorkspace>[] = [
    { id: 'name', header: 'Name', sort: (row) => row.name, render: (row) => <AppLink strong to={paths.logs({ workspace: of(row) })}>{row.name}</AppLink> },
    { id: 'group', header: 'Resource group', width: '20%', sort: (row) => row.resourceGroup, render: (row) => row.resourceGroup },
    { id: 'customer', header: 'Workspace id', width: '300px', render: (row) => row.customerId },
    { id: 'retention', header: 'Kept', width: '90px', align: 'end', sort: (row) => row.retention ?? 0, render: (row) => (row.retention ? `${row.retention} days` : '–') },
    { id: 'cap', header: 'Daily cap', width: '100px', align: 'end', sort: (row) => row.quota ?? 0, render: (row) => (row.quota && row.quota > 0 ? `${row.quota} GB` : 'None') },
    { id: 'tables', header: 'Tables', width: '90px', render: (row) => <AppLink to={paths.tables({ workspace: of(row) })}>Show</AppLink> },
  ];
  return (
    <Page title="Workspaces" subtitle={workspaces.data ? countOf(workspaces.data.length, 'workspace') : ''}
      actions={<Button appearance="primary" icon={<AddRegular />} onClick={() => setCreating(true)}>Create</Button>}>
      <Card flush>
        <Loaded query={workspaces} what="workspaces">
          {(rows) => <DataTable label="Workspaces" columns={columns} rows={rows} rowKey={(row) => row.id} initialSort={{ id: 'name' }} minWidth={860} empty={<EmptyState icon={<DatabaseRegular />} title="No workspace that you may read" />} />}
        </Loaded>
      </Card>
      {creating && <CreateDialog onClose={() => setCreating(false)} />}
    </Page>
  );
}

function CreateDialog({ onClose }: { onClose: () => void }) {
  const session = useSession();
  const groups = useGroups();
  const create = useCreateWorkspace();
  const [name, setName] = useState('');
  const [group, setGroup] = useState('');
  const chosen = groups.data?.find((row) => row.id === group) ?? groups.data?.[0];
  const problem = name && !/^[A-Za-z0-9][A-Za-z0-9-]{2,61}[A-Za-z0-9]$/.test(name) ? '4 to 63 letters, digits and -, with a letter or digit at both ends' : undefined;
  return (
    <FormDialog title="Create workspace" submit="Create" busy={create.isPending} disabled={!name || !chosen || problem !== undefined} error={create.error} failed="The workspace was not created" onClose={onClose}
      onSubmit={() => { if (chosen) create.mutate({ group: chosen.id, name, location: session.location ?? 'local' }, { onSuccess: onClose }); }}>
      <Field label="Name" required {...(problem ? { validationMessage: problem } : {})}><Input value={name} onChange={(_, data) => setName(data.value)} /></Field>
      <Field label="Resource group" required>
        <Select value={chosen?.id ?? ''} onChange={(_, data) => setGroup(data.value)}>
          {(groups.data ?? []).map((row) => <option key={row.id} value={row.id}>{row.name}</option>)}
        </Select>
      </Field>
    </FormDialog>
  );
}
