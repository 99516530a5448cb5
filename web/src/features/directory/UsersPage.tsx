import { Button, Link } from '@fluentui/react-components';
import { AddRegular } from '@fluentui/react-icons/svg/add';
import { useState } from 'react';
import { isUser, useServicePrincipals, useUsers, type Principal } from '@/api/directory';
import { useSession } from '@/api/session';
import { countOf } from '@/lib/units';
import { Card } from '@/ui/Card';
import { DataTable, type Column } from '@/ui/DataTable';
import { FilterBar } from '@/ui/FilterBar';
import { Page } from '@/ui/Page';
import { EmptyState, Loaded } from '@/ui/states';
import { Status } from '@/ui/Status';
import { TabStrip } from '@/ui/TabStrip';
import { useSearchState } from '@/ui/use-search-state';
import { When } from '@/ui/When';
import { CreateProgramDialog } from './CreateProgramDialog';
import { CreateUserDialog } from './CreateUserDialog';
import { InviteUserDialog } from './InviteUserDialog';
import { PrincipalPanel } from './PrincipalPanel';

/** Everybody and everything with an account. */
export default function UsersPage() {
  const users = useUsers();
  const programs = useServicePrincipals();
  const [view, setView] = useSearchState('view', 'users');
  const [search, setSearch] = useSearchState('q');
  const [state, setState] = useSearchState('state');
  const [who, setWho] = useSearchState('who');
  const [creating, setCreating] = useState(false);
  const [inviting, setInviting] = useState(false);
  const { signInProvider } = useSession();
  const people = view === 'users';
  const query = people ? users : programs;
  const shown = (query.data ?? []).filter((row) => `${row.displayName} ${row.appId ?? ''}`.toLowerCase().includes(search.toLowerCase()) && (!state || (state === 'on') === row.accountEnabled));
  const open = [...(users.data ?? []), ...(programs.data ?? [])].find((entry) => entry.id === who);
  const columns: Column<Principal>[] = [
    { id: 'name', header: 'Name', sort: (row) => row.displayName, render: (row) => <Link as="button" onClick={() => setWho(row.id)}>{row.displayName}</Link> },
    { id: 'state', header: 'Sign-in', width: '140px', sort: (row) => Number(row.accountEnabled), render: (row) => <Status tone={row.accountEnabled ? 'good' : 'neutral'}>{row.accountEnabled ? 'Enabled' : 'Disabled'}</Status> },
    ...(people ? [] : [{ id: 'app', header: 'Application (client) id', width: '330px', render: (row: Principal) => row.appId }]),
    { id: 'id', header: 'Object id', width: '330px', render: (row) => row.id },
    { id: 'created', header: 'Created', width: '150px', sort: (row) => row.createdDateTime ?? '', render: (row) => <When at={row.createdDateTime} /> },
  ];
  const label = people ? 'Users' : 'Service principals';
  return (
    <Page title="Users" subtitle="People and programs with an account on this server"
      actions={(
        <>
          {people && signInProvider && <Button onClick={() => setInviting(true)}>{`Invite from ${signInProvider}`}</Button>}
          <Button appearance="primary" icon={<AddRegular />} onClick={() => setCreating(true)}>{people ? 'New user' : 'New service principal'}</Button>
        </>
      )}>
      <TabStrip label="Kind of account" value={view} onChange={setView} tabs={[{ id: 'users', text: 'Users', count: users.data?.length }, { id: 'programs', text: 'Service principals', count: programs.data?.length }]} />
      <FilterBar search={search} onSearch={setSearch} searchLabel="Filter by name" count={query.data ? countOf(shown.length, 'account') : ''}
        filters={[{ label: 'Sign-in', value: state, onChange: setState, options: [{ value: 'on', text: 'Enabled' }, { value: 'off', text: 'Disabled' }] }]} />
      <Card flush>
        <Loaded query={query} what="accounts">
          {() => (
            <DataTable key={view} label={label} columns={columns} rows={shown} rowKey={(row) => row.id} initialSort={{ id: 'name' }} minWidth={people ? 820 : 1100}
              empty={<EmptyState title={query.data?.length ? 'No account matches' : 'No service principals yet'}>{query.data?.length ? undefined : 'Programs that read or change things here sign in as one.'}</EmptyState>} />
          )}
        </Loaded>
      </Card>
      {creating && (people ? <CreateUserDialog onClose={() => setCreating(false)} /> : <CreateProgramDialog onClose={() => setCreating(false)} />)}
      {inviting && signInProvider && <InviteUserDialog provider={signInProvider} onClose={() => setInviting(false)} />}
      {open && isUser(open) === people && <PrincipalPanel key={open.id} principal={open} onClose={() => setWho('')} />}
    </Page>
  );
}
