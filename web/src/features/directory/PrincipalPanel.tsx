import { Button } from '@fluentui/react-components';
import { useState } from 'react';
import { roleOf, useRoleAssignments, useRoleDefinitions, type RoleAssignment } from '@/api/access';
import { isUser, useSignInMethods, type Principal } from '@/api/directory';
import { subscriptionScope, useSession } from '@/api/session';
import { formatDateTime } from '@/lib/dates';
import { paths } from '@/lib/paths';
import { scopeText } from '@/lib/scope';
import { AppLink } from '@/ui/AppLink';
import { Card } from '@/ui/Card';
import { DataTable, type Column } from '@/ui/DataTable';
import { Facts } from '@/ui/Facts';
import { SidePanel } from '@/ui/SidePanel';
import { EmptyState, Loaded } from '@/ui/states';
import { Status } from '@/ui/Status';
import { PrincipalAction, type ActionName } from './PrincipalAction';

/** One account: how it signs in, what it may do, and what can be done with it. */
export function PrincipalPanel({ principal, onClose }: { principal: Principal; onClose: () => void }) {
  const session = useSession();
  const scope = subscriptionScope(session);
  const assignments = useRoleAssignments(scope);
  const roles = useRoleDefinitions(scope);
  const [action, setAction] = useState<ActionName>();
  const user = isUser(principal);
  const mine = principal.id === session.objectId;
  const own = (assignments.data ?? []).filter((entry) => entry.properties.principalId.toLowerCase() === principal.id.toLowerCase());
  const columns: Column<RoleAssignment>[] = [
    { id: 'role', header: 'Role', sort: (row) => roleOf(roles.data, row)?.properties.roleName ?? '', render: (row) => roleOf(roles.data, row)?.properties.roleName ?? 'Unknown role' },
    { id: 'scope', header: 'Scope', wrap: true, render: (row) => <AppLink to={paths.access(row.properties.scope)}>{scopeText(row.properties.scope, session.subscriptionName)}</AppLink> },
  ];
  return (
    <SidePanel title={principal.displayName} onClose={onClose} footer={(
      <>
        {user && <Button onClick={() => setAction('link')} disabled={!principal.accountEnabled}>Sign-in link</Button>}
        {user && <Button onClick={() => setAction('password')}>Reset password</Button>}
        {user && <Button onClick={() => setAction('signOut')}>Sign out everywhere</Button>}
        {!user && <Button onClick={() => setAction('secret')} disabled={!principal.accountEnabled}>New secret</Button>}
        <Button onClick={() => setAction(principal.accountEnabled ? 'disable' : 'enable')} disabled={mine} title={mine ? 'This is you' : undefined}>{principal.accountEnabled ? 'Disable' : 'Enable'}</Button>
        <Button onClick={() => setAction('delete')} disabled={mine} title={mine ? 'This is you' : undefined}>Delete</Button>
      </>
    )}>
      <Facts facts={[
        ['Sign-in', <Status key="state" tone={principal.accountEnabled ? 'good' : 'neutral'}>{principal.accountEnabled ? 'Enabled' : 'Disabled'}</Status>],
        ['Application (client) id', principal.appId],
        ['Object id', principal.id],
        ['Created', formatDateTime(principal.createdDateTime)],
      ]} />
      {user && <Methods user={principal} onRemove={() => setAction('factor')} />}
      <Card flush title="Roles in this subscription">
        <Loaded query={assignments} what="role assignments" rows={3}>
          {() => <DataTable label="Roles" columns={columns} rows={own} rowKey={(row) => row.id} initialSort={{ id: 'role' }} minWidth={400} empty={<EmptyState title="No role" action={<AppLink to={paths.access()}>Access control</AppLink>}>Without one the account sees nothing.</EmptyState>} />}
        </Loaded>
      </Card>
      {action && <PrincipalAction action={action} principal={principal} onClose={() => setAction(undefined)} onDeleted={onClose} />}
    </SidePanel>
  );
}

function Methods({ user, onRemove }: { user: Principal; onRemove: () => void }) {
  const methods = useSignInMethods(user.id);
  return (
    <Card title="How the person signs in" action={methods.data?.secondFactor && <Button size="small" onClick={onRemove}>Remove second factor</Button>}>
      <Loaded query={methods} what="sign-in methods" rows={2}>
        {(found) => (
          <Facts facts={[
            ['Password', <Status key="password" tone={found.password ? 'good' : 'neutral'}>{found.password ? 'Set' : 'None: links only'}</Status>],
            ['Second factor', <Status key="factor" tone={found.secondFactor ? 'good' : 'warn'}>{found.secondFactor ? 'Authenticator app' : 'None'}</Status>],
          ]} />
        )}
      </Loaded>
    </Card>
  );
}
