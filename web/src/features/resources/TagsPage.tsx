import { Link, makeStyles } from '@fluentui/react-components';
import { TagRegular } from '@fluentui/react-icons/svg/tag';
import { useSearchParams } from 'react-router';
import { useTagged, useTagUse, type TaggedResource, type TagUse } from '@/api/resources';
import { typeLabel } from '@/lib/arm-id';
import { paths } from '@/lib/paths';
import { countOf } from '@/lib/units';
import { AppLink } from '@/ui/AppLink';
import { Card } from '@/ui/Card';
import { DataTable, type Column } from '@/ui/DataTable';
import { FilterBar } from '@/ui/FilterBar';
import { Page } from '@/ui/Page';
import { EmptyState, Loaded } from '@/ui/states';
import { useSearchState } from '@/ui/use-search-state';
import { ResourceLink } from './ResourceLink';

const useStyles = makeStyles({ grid: { display: 'grid', gridTemplateColumns: 'minmax(0, 5fr) minmax(0, 7fr)', gap: '16px', alignItems: 'start', '@media (max-width: 1080px)': { gridTemplateColumns: 'minmax(0, 1fr)' } } });

/** Graph writes the type of a resource group in a longer way. */
const typeOf = (row: TaggedResource) => (/\/resourcegroups$/i.test(row.type) ? 'Resource group' : typeLabel(row.type));

const columns: readonly Column<TaggedResource>[] = [
  { id: 'name', header: 'Name', sort: (row) => row.name, render: (row) => <ResourceLink id={row.id} name={row.name} /> },
  { id: 'type', header: 'Type', width: '160px', sort: typeOf, render: typeOf },
  { id: 'group', header: 'Resource group', width: '150px', sort: (row) => row.resourceGroup, render: (row) => row.resourceGroup || '–' },
];

/** Every tag in use, and what has it. */
export default function TagsPage() {
  const styles = useStyles();
  const [params, setParams] = useSearchParams();
  const name = params.get('name') ?? '';
  const value = params.get('value') ?? '';
  const [search, setSearch] = useSearchState('q');
  const tags = useTagUse();
  const resources = useTagged(name, value);
  const shown = (tags.data ?? []).filter((row) => `${row.TagName}: ${row.TagValue}`.toLowerCase().includes(search.toLowerCase()));
  const tagColumns: Column<TagUse>[] = [
    { id: 'name', header: 'Name', sort: (row) => row.TagName, render: (row) => row.TagName },
    {
      id: 'value', header: 'Value', sort: (row) => row.TagValue,
      render: (row) => <Link as="button" aria-current={row.TagName === name && row.TagValue === value} onClick={() => setParams({ name: row.TagName, value: row.TagValue, ...(search ? { q: search } : {}) }, { replace: true })}>{row.TagValue || '(empty)'}</Link>,
    },
    { id: 'count', header: 'Resources', width: '110px', align: 'end', sort: (row) => row.Resources, render: (row) => row.Resources },
  ];
  return (
    <Page title="Tags" subtitle="Names and values on resources and resource groups">
      <FilterBar search={search} onSearch={setSearch} searchLabel="Filter by name or value" filters={[]} count={tags.data ? countOf(shown.length, 'tag') : ''} />
      <div className={styles.grid}>
        <Card flush>
          <Loaded query={tags} what="tags">
            {() => <DataTable label="Tags" columns={tagColumns} rows={shown} rowKey={(row) => `${row.TagName}\n${row.TagValue}`} initialSort={{ id: 'name' }} minWidth={360} empty={<EmptyState icon={<TagRegular />} title="No tags">Tags are added on the page of a server or resource group, or when servers are added.</EmptyState>} />}
          </Loaded>
        </Card>
        <Card flush title={name ? `${name}: ${value}` : 'Resources'} action={name && <AppLink to={paths.inventory({ tag: `${name}=${value}` })}>In the inventory</AppLink>}>
          {name === '' ? <EmptyState title="Choose a tag">What has it is listed here.</EmptyState> : (
            <Loaded query={resources} what="resources">
              {(all) => <DataTable label="Resources with the tag" columns={columns} rows={all} rowKey={(row) => row.id} initialSort={{ id: 'name' }} minWidth={480} empty={<EmptyState title="Nothing has this tag" />} />}
            </Loaded>
          )}
        </Card>
      </div>
    </Page>
  );
}
