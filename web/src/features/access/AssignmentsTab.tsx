import { Button, Link } from '@fluentui/react-components';
import { DeleteRegular } from '@fluentui/react-icons/svg/delete';
import type { UseQueryResult } from '@tanstack/react-query';
import { useState } from 'react';
import { roleOf, useRemoveAssignment, type RoleAssignment, type RoleDefinition } from '@/api/access';
import { useSession } from '@/api/session';
import { sameId } from '@/lib/arm-id';
import { paths } from '@/lib/paths';
import { scopeText } from '@/lib/scope';
import { countOf } from '@/lib/units';
import { AppLink } from '@/ui/AppLink';
import { Card } from '@/ui/Card';
import { ConfirmDialog } from '@/ui/ConfirmDialog';
import { DataTable, type Column } from '@/ui/DataTable';
import { FilterBar } from '@/ui/FilterBar';
import { useNotify } from '@/ui/notify';
import { EmptyState, Loaded } from '@/ui/states';
import { useSearchState } from '@/ui/use-search-state';
import { RolePanel } from './RolePanel';
import { PrincipalName, principalKind, type AccessProps } from './shared';

/** Who has which role here, and from where it comes. */
export function AssignmentsTab({ scope, roles, assignments, principals, query, onAdd }: AccessProps & { query: UseQueryResult<RoleAssignment[]>; onAdd: () => void }) {
  const session = useSession();
  const notify = useNotify();
  const remove = useRemoveAssignment();
  const [search, setSearch] = useSearchState('q');
  const [role, setRole] = useSearchState('role');
  const [from, setFrom] = useSearchState('from');
  const [shownRole, setShownRole] = useState<RoleDefinition>();
  const [removing, setRemoving] = useState<RoleAssignment>();
  const nameOf = (row: RoleAssignment) => principals.byId.get(row.properties.principalId.toLowerCase())?.displayName ?? row.properties.principalId;
  const roleName = (row: RoleAssignment) => roleOf(roles, row)?.properties.roleName ?? 'Unknown role';
  const own = (row: RoleAssignment) => sameId(row.properties.scope, scope);
  const shown = assignments.filter((row) =>
    nameOf(row).toLowerCase().includes(search.toLowerCase()) && (!role || roleName(row) === role) && (!from || (from === 'here') === own(row)));
  const columns: Column<RoleAssignment>[] = [
    { id: 'name', header: 'Name', sort: nameOf, render: (row) => <PrincipalName id={row.properties.principalId} principals={principals} /> },
    { id: 'type', header: 'Type', width: '150px', sort: principalKind, render: principalKind },
    {
      id: 'role', header: 'Role', width: '26%', wrap: true, sort: roleName,
      render: (row) => {
        const found = roleOf(roles, row);
        return found ? <Link as="button" onClick={() => setShownRole(found)}>{found.properties.roleName}</Link> : roleName(row);
      },
    },
    {
      id: 'scope', header: 'Scope', width: '26%', wrap: true, sort: (row) => (own(row) ? '' : row.properties.scope),
      render: (row) => (own(row) ? 'This resource' : <span title={row.properties.scope}><AppLink to={paths.access(row.properties.scope)}>{scopeText(row.properties.scope, session.subscriptionName)}</AppLink> (Inherited)</span>),
    },
    {
      id: 'remove', header: '', width: '64px', align: 'end',
      render: (row) => (
        <Button appearance="subtle" icon={<DeleteRegular />} disabledFocusable={!own(row)} aria-label={`Remove ${roleName(row)} of ${nameOf(row)}`}
          title={own(row) ? 'Remove' : 'Inherited: remove it where it was assigned'} onClick={() => own(row) && setRemoving(row)} />
      ),
    },
  ];
  return (
    <>
      <FilterBar search={search} onSearch={setSearch} searchLabel="Filter by name" count={query.data ? countOf(shown.length, 'assignment') : ''} filters={[
        { label: 'Role', value: role, onChange: setRole, options: [...new Set(assignments.map(roleName))].sort().map((text) => ({ value: text, text })) },
        { label: 'From', value: from, onChange: setFrom, options: [{ value: 'here', text: 'This resource' }, { value: 'above', text: 'Inherited' }] },
      ]} />
      <Card flush>
        <Loaded query={query} what="role assignments">
          {() => (
            <DataTable label="Role assignments" columns={columns} rows={shown} rowKey={(row) => row.id} initialSort={{ id: 'name' }} minWidth={820}
              empty={<EmptyState title={assignments.length === 0 ? 'Nobody has a role here' : 'No assignment matches'} action={assignments.length === 0 && <Button onClick={onAdd}>Add role assignment</Button>} />} />
          )}
        </Loaded>
      </Card>
      {shownRole && <RolePanel role={shownRole} onClose={() => setShownRole(undefined)} />}
      {removing && (
        <ConfirmDialog title="Remove role assignment" submit="Remove" busy={remove.isPending} error={remove.error} failed="The assignment was not removed"
          onClose={() => { remove.reset(); setRemoving(undefined); }}
          onConfirm={() => remove.mutate(removing, { onSuccess: () => { notify.done('Role assignment removed'); setRemoving(undefined); } })}>
          {nameOf(removing)} loses the role {roleName(removing)} here and everywhere below, at once.
        </ConfirmDialog>
      )}
    </>
  );
}
