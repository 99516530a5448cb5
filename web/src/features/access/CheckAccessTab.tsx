import { Combobox, Field, Input, makeStyles, Option, tokens } from '@fluentui/react-components';
import type { UseQueryResult } from '@tanstack/react-query';
import { useState } from 'react';
import { roleOf, type RoleAssignment } from '@/api/access';
import { isUser } from '@/api/directory';
import { useLocks } from '@/api/locks';
import { useSession } from '@/api/session';
import { sameId } from '@/lib/arm-id';
import { allows, isPattern } from '@/lib/permissions';
import { contains, scopeText } from '@/lib/scope';
import { Card } from '@/ui/Card';
import { DataTable, type Column } from '@/ui/DataTable';
import { EmptyState, Loaded } from '@/ui/states';
import { Status } from '@/ui/Status';
import { useSearchState } from '@/ui/use-search-state';
import type { AccessProps } from './shared';

const useStyles = makeStyles({
  fields: { display: 'grid', gridTemplateColumns: 'minmax(220px, 360px) minmax(260px, 1fr)', gap: '16px', alignItems: 'start', '@media (max-width: 980px)': { gridTemplateColumns: 'minmax(0, 1fr)' } },
  answer: { display: 'flex', flexDirection: 'column', gap: '6px' },
  faint: { color: tokens.colorNeutralForeground3 },
});

/** What one person or program may do here, and by which role. */
export function CheckAccessTab({ scope, roles, assignments, principals, query }: AccessProps & { query: UseQueryResult<RoleAssignment[]> }) {
  const styles = useStyles();
  const session = useSession();
  const locks = useLocks(scope);
  const [who, setWho] = useSearchState('who', session.objectId);
  const [typed, setTyped] = useState<string>();
  const [action, setAction] = useState('');
  const principal = principals.byId.get(who.toLowerCase());
  const own = assignments.filter((assignment) => assignment.properties.principalId.toLowerCase() === who.toLowerCase());
  const text = typed ?? principal?.displayName ?? '';
  const shown = principals.all.filter((entry) => !typed || entry.displayName.toLowerCase().includes(typed.toLowerCase()));
  const may = (assignment: RoleAssignment) => allows(roleOf(roles, assignment)?.properties.permissions ?? [], action.trim());
  const by = own.filter(may);
  const lock = locks.data?.find((entry) => contains(entry.scope, scope) && (entry.properties.level === 'ReadOnly' || /\/delete$/i.test(action.trim())));
  const columns: Column<RoleAssignment>[] = [
    { id: 'role', header: 'Role', sort: (row) => roleOf(roles, row)?.properties.roleName ?? '', render: (row) => roleOf(roles, row)?.properties.roleName ?? 'Unknown role' },
    { id: 'description', header: 'What it allows', width: '44%', wrap: true, render: (row) => roleOf(roles, row)?.properties.description ?? '–' },
    { id: 'scope', header: 'Scope', width: '28%', render: (row) => (sameId(row.properties.scope, scope) ? 'This resource' : `${scopeText(row.properties.scope, session.subscriptionName)} (Inherited)`) },
  ];
  return (
    <>
      <Card title="Check access">
        <div className={styles.fields}>
          <Field label="User or service principal">
            <Combobox value={text} selectedOptions={[who]} onChange={(event) => setTyped(event.target.value)}
              onOptionSelect={(_, data) => { setTyped(undefined); if (data.optionValue) setWho(data.optionValue); }}>
              {shown.map((entry) => <Option key={entry.id} value={entry.id} text={entry.displayName}>{`${entry.displayName} · ${isUser(entry) ? 'User' : 'Service principal'}`}</Option>)}
            </Combobox>
          </Field>
          <Field label="Action" hint="Such as Microsoft.HybridCompute/machines/write">
            <Input value={action} spellCheck={false} onChange={(_, data) => setAction(data.value)} />
          </Field>
        </div>
        {isPattern(action.trim()) && !action.includes('*') && query.data && (
          <div className={styles.answer} role="status">
            {by.length > 0 ? <Status tone="good">Allowed by {by.map((entry) => roleOf(roles, entry)?.properties.roleName).join(', ')}</Status> : <Status tone="bad">Not allowed: no role of {principal?.displayName ?? 'this principal'} has this action here</Status>}
            {by.length > 0 && lock && !/\/read$/i.test(action.trim()) && <Status tone="warn">The lock {lock.name} ({lock.properties.level}) at {scopeText(lock.scope, session.subscriptionName)} forbids it all the same</Status>}
            {principal?.accountEnabled === false && <Status tone="warn">The account is disabled and can do nothing</Status>}
          </div>
        )}
      </Card>
      <Card flush title={principal ? `Roles of ${principal.displayName}` : 'Roles'}>
        <Loaded query={query} what="role assignments">
          {() => <DataTable label="Roles of the principal" columns={columns} rows={own} rowKey={(row) => row.id} initialSort={{ id: 'role' }} minWidth={680} empty={<EmptyState title="No role here">Nothing at this scope or above gives access.</EmptyState>} />}
        </Loaded>
      </Card>
    </>
  );
}
