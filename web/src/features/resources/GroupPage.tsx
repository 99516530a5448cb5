import { Button } from '@fluentui/react-components';
import { DeleteRegular } from '@fluentui/react-icons/svg/delete';
import { HistoryRegular } from '@fluentui/react-icons/svg/history';
import { ShieldPersonRegular } from '@fluentui/react-icons/svg/shield-person';
import { useState } from 'react';
import { useNavigate, useParams } from 'react-router';
import { useDeleteGroup, useGroup, useGroupResources } from '@/api/resources';
import { subscriptionScope, useSession } from '@/api/session';
import type { Resource } from '@/api/types';
import { typeLabel } from '@/lib/arm-id';
import { paths } from '@/lib/paths';
import { countOf } from '@/lib/units';
import { Card } from '@/ui/Card';
import { ConfirmDialog } from '@/ui/ConfirmDialog';
import { DataTable, type Column } from '@/ui/DataTable';
import { Facts } from '@/ui/Facts';
import { LocksCard } from '@/ui/LocksCard';
import { useNotify } from '@/ui/notify';
import { Page } from '@/ui/Page';
import { EmptyState, Loaded } from '@/ui/states';
import { TagList } from '@/ui/TagList';
import { ResourceLink } from './ResourceLink';

const columns: readonly Column<Resource<unknown>>[] = [
  { id: 'name', header: 'Name', sort: (row) => row.name, render: (row) => <ResourceLink id={row.id} name={row.name} /> },
  { id: 'type', header: 'Type', width: '220px', sort: (row) => typeLabel(row.type), render: (row) => <span title={row.type}>{typeLabel(row.type)}</span> },
  { id: 'location', header: 'Region', width: '130px', sort: (row) => row.location ?? '', render: (row) => row.location ?? '–' },
  { id: 'tags', header: 'Tags', width: '34%', render: (row) => Object.entries(row.tags ?? {}).map(([name, value]) => `${name}: ${value}`).join(', ') || '–' },
];

/** One resource group: what is in it, its tags, its locks, and its end. */
export default function GroupPage() {
  const session = useSession();
  const notify = useNotify();
  const navigate = useNavigate();
  const { group: name = '' } = useParams();
  const id = `${subscriptionScope(session)}/resourceGroups/${name}`;
  const group = useGroup(id);
  const resources = useGroupResources(id);
  const remove = useDeleteGroup();
  const [deleting, setDeleting] = useState(false);
  return (
    <Page title={group.data?.name ?? name} leaf={name} subtitle="Resource group" actions={(
      <>
        <Button icon={<ShieldPersonRegular />} onClick={() => void navigate(paths.access(id))}>Access control</Button>
        <Button icon={<HistoryRegular />} onClick={() => void navigate(paths.activity({ resource: id }))}>Activity log</Button>
        <Button icon={<DeleteRegular />} onClick={() => setDeleting(true)}>Delete</Button>
      </>
    )}>
      <Card title="About the group">
        <Loaded query={group} what="the resource group" rows={3}>
          {(found) => (
            <Facts facts={[
              ['Subscription', session.subscriptionName],
              ['Region', found.location],
              ['State', found.properties.provisioningState],
              ['Resource id', found.id],
              ['Tags', <TagList key="tags" id={found.id} tags={found.tags} />],
            ]} />
          )}
        </Loaded>
      </Card>
      <Card flush title="Resources">
        <Loaded query={resources} what="resources">
          {(all) => <DataTable label="Resources" columns={columns} rows={all} rowKey={(row) => row.id} initialSort={{ id: 'name' }} minWidth={820} empty={<EmptyState title="Nothing is in this group" />} />}
        </Loaded>
      </Card>
      <LocksCard scope={id} />
      {deleting && (
        <ConfirmDialog title={`Delete ${name}`} submit="Delete" typed={name} busy={remove.isPending} error={remove.error} failed="The resource group was not deleted" onClose={() => setDeleting(false)}
          onConfirm={() => remove.mutate(id, { onSuccess: () => { notify.done(`${name} is deleted`); void navigate(paths.groups()); } })}>
          The group goes away with everything in it: {countOf(resources.data?.length ?? 0, 'resource')}. This cannot be undone.
        </ConfirmDialog>
      )}
    </Page>
  );
}
