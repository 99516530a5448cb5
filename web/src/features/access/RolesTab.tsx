import { Button, Link, Menu, MenuItem, MenuList, MenuPopover, MenuTrigger } from '@fluentui/react-components';
import { MoreHorizontalRegular } from '@fluentui/react-icons/svg/more-horizontal';
import type { UseQueryResult } from '@tanstack/react-query';
import { useState } from 'react';
import { isCustomRole, roleOf, useDeleteRole, type RoleDefinition } from '@/api/access';
import { countOf } from '@/lib/units';
import { Card } from '@/ui/Card';
import { ConfirmDialog } from '@/ui/ConfirmDialog';
import { DataTable, type Column } from '@/ui/DataTable';
import { FilterBar } from '@/ui/FilterBar';
import { useNotify } from '@/ui/notify';
import { EmptyState, Loaded } from '@/ui/states';
import { useSearchState } from '@/ui/use-search-state';
import { RoleDialog } from './RoleDialog';
import { RolePanel } from './RolePanel';
import type { AccessProps } from './shared';

const kindOf = (role: RoleDefinition) => (isCustomRole(role) ? 'Custom' : 'Built-in');

/** The roles that can be assigned here. */
export function RolesTab({ scope, roles, assignments, query, onCopy }: AccessProps & { query: UseQueryResult<RoleDefinition[]>; onCopy: (role: RoleDefinition) => void }) {
  const notify = useNotify();
  const remove = useDeleteRole();
  const [search, setSearch] = useSearchState('q');
  const [kind, setKind] = useSearchState('kind');
  const [shownRole, setShownRole] = useState<RoleDefinition>();
  const [editing, setEditing] = useState<RoleDefinition>();
  const [removing, setRemoving] = useState<RoleDefinition>();
  const uses = (role: RoleDefinition) => assignments.filter((assignment) => roleOf(roles, assignment)?.id === role.id).length;
  const shown = roles.filter((role) => `${role.properties.roleName} ${role.properties.description ?? ''}`.toLowerCase().includes(search.toLowerCase()) && (!kind || kindOf(role) === kind));
  const columns: Column<RoleDefinition>[] = [
    { id: 'name', header: 'Name', width: '28%', wrap: true, sort: (row) => row.properties.roleName, render: (row) => <Link as="button" onClick={() => setShownRole(row)}>{row.properties.roleName}</Link> },
    { id: 'description', header: 'Description', wrap: true, render: (row) => row.properties.description || '–' },
    { id: 'kind', header: 'Type', width: '100px', sort: kindOf, render: kindOf },
    { id: 'uses', header: 'Assigned here', width: '130px', align: 'end', sort: uses, render: uses },
    {
      id: 'menu', header: '', width: '64px', align: 'end',
      render: (row) => (
        <Menu>
          <MenuTrigger disableButtonEnhancement><Button appearance="subtle" icon={<MoreHorizontalRegular />} aria-label={`Actions for ${row.properties.roleName}`} /></MenuTrigger>
          <MenuPopover>
            <MenuList>
              <MenuItem onClick={() => setShownRole(row)}>View</MenuItem>
              <MenuItem onClick={() => onCopy(row)}>Clone</MenuItem>
              {isCustomRole(row) && <MenuItem onClick={() => setEditing(row)}>Edit</MenuItem>}
              {isCustomRole(row) && <MenuItem onClick={() => setRemoving(row)}>Delete</MenuItem>}
            </MenuList>
          </MenuPopover>
        </Menu>
      ),
    },
  ];
  return (
    <>
      <FilterBar search={search} onSearch={setSearch} searchLabel="Filter by name or description" count={query.data ? countOf(shown.length, 'role') : ''}
        filters={[{ label: 'Type', value: kind, onChange: setKind, options: ['Built-in', 'Custom'].map((text) => ({ value: text, text })) }]} />
      <Card flush>
        <Loaded query={query} what="roles">
          {() => <DataTable label="Roles" columns={columns} rows={shown} rowKey={(row) => row.id} initialSort={{ id: 'name' }} minWidth={820} empty={<EmptyState title="No role matches" />} />}
        </Loaded>
      </Card>
      {shownRole && <RolePanel role={shownRole} onClose={() => setShownRole(undefined)} />}
      {editing && <RoleDialog edited={editing} scope={scope} onClose={() => setEditing(undefined)} />}
      {removing && (
        <ConfirmDialog title="Delete custom role" submit="Delete" typed={removing.properties.roleName} busy={remove.isPending} error={remove.error} failed="The role was not deleted"
          onClose={() => { remove.reset(); setRemoving(undefined); }}
          onConfirm={() => remove.mutate(removing, { onSuccess: () => { notify.done('Custom role deleted'); setRemoving(undefined); } })}>
          The role goes away for everybody. One that is assigned cannot be deleted.
        </ConfirmDialog>
      )}
    </>
  );
}
