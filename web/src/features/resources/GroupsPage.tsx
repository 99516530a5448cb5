import { Button, Field, Input } from '@fluentui/react-components';
import { AddRegular } from '@fluentui/react-icons/svg/add';
import { FolderRegular } from '@fluentui/react-icons/svg/folder';
import { useState } from 'react';
import { useNavigate } from 'react-router';
import { useCreateGroup, useGroupCounts, useGroups, type ResourceGroup } from '@/api/resources';
import { useSession } from '@/api/session';
import { paths } from '@/lib/paths';
import { countOf } from '@/lib/units';
import { AppLink } from '@/ui/AppLink';
import { Card } from '@/ui/Card';
import { DataTable, type Column } from '@/ui/DataTable';
import { FilterBar } from '@/ui/FilterBar';
import { FormDialog } from '@/ui/FormDialog';
import { Page } from '@/ui/Page';
import { EmptyState, Loaded } from '@/ui/states';
import { emptyTag, TagFields, tagsOf, tagsProblem } from '@/ui/TagFields';
import { useSearchState } from '@/ui/use-search-state';

/** Resource groups of the subscription. */
export default function GroupsPage() {
  const session = useSession();
  const groups = useGroups();
  const counts = useGroupCounts();
  const [search, setSearch] = useSearchState('q');
  const [creating, setCreating] = useState(false);
  const shown = (groups.data ?? []).filter((row) => row.name.toLowerCase().includes(search.toLowerCase()));
  const count = (row: ResourceGroup) => counts?.get(row.name.toLowerCase()) ?? 0;
  const columns: Column<ResourceGroup>[] = [
    { id: 'name', header: 'Name', sort: (row) => row.name, render: (row) => <AppLink strong to={paths.group(row.name)}>{row.name}</AppLink> },
    { id: 'count', header: 'Resources', width: '110px', align: 'end', sort: count, render: (row) => (counts ? count(row) : '…') },
    { id: 'location', header: 'Region', width: '160px', sort: (row) => row.location ?? '', render: (row) => row.location ?? '–' },
    { id: 'tags', header: 'Tags', width: '36%', render: (row) => Object.entries(row.tags ?? {}).map(([name, value]) => `${name}: ${value}`).join(', ') || '–' },
  ];
  return (
    <Page title="Resource groups" subtitle={`Subscription ${session.subscriptionName}`} actions={<Button appearance="primary" icon={<AddRegular />} onClick={() => setCreating(true)}>Create</Button>}>
      <FilterBar search={search} onSearch={setSearch} searchLabel="Filter by name" filters={[]} count={groups.data ? countOf(shown.length, 'resource group') : ''} />
      <Card flush>
        <Loaded query={groups} what="resource groups">
          {() => <DataTable label="Resource groups" columns={columns} rows={shown} rowKey={(row) => row.id} initialSort={{ id: 'name' }} empty={<EmptyState icon={<FolderRegular />} title="No resource group" />} />}
        </Loaded>
      </Card>
      {creating && <CreateDialog taken={(groups.data ?? []).map((row) => row.name.toLowerCase())} onClose={() => setCreating(false)} />}
    </Page>
  );
}

function CreateDialog({ taken, onClose }: { taken: readonly string[]; onClose: () => void }) {
  const session = useSession();
  const navigate = useNavigate();
  const create = useCreateGroup();
  const [name, setName] = useState('');
  const [location, setLocation] = useState(session.location ?? 'local');
  const [tags, setTags] = useState([emptyTag()]);
  const problem = taken.includes(name.toLowerCase()) ? 'There is a resource group with this name' : name && (!/^[\p{L}\p{N}._()-]{1,90}$/u.test(name) || name.endsWith('.')) ? 'Up to 90 letters, digits, - _ . ( ), no full stop at the end' : undefined;
  const wrong = tagsProblem(tags);
  return (
    <FormDialog title="Create resource group" submit="Create" busy={create.isPending} disabled={!name || !location.trim() || problem !== undefined || wrong !== undefined} error={create.error} failed="The resource group was not created" onClose={onClose}
      onSubmit={() => create.mutate({ name, location: location.trim(), tags: tagsOf(tags) }, { onSuccess: () => void navigate(paths.group(name)) })}>
      <Field label="Name" required {...(problem ? { validationMessage: problem } : {})}><Input value={name} onChange={(_, data) => setName(data.value)} /></Field>
      <Field label="Region" required><Input value={location} onChange={(_, data) => setLocation(data.value)} /></Field>
      <TagFields tags={tags} onChange={setTags} />
      {wrong && <span role="alert">{wrong}</span>}
    </FormDialog>
  );
}
