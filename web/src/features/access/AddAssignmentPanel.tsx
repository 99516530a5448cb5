import { Checkbox, makeStyles, Radio, RadioGroup, SearchBox, tokens } from '@fluentui/react-components';
import { useState } from 'react';
import { roleOf, useAddAssignments } from '@/api/access';
import { isUser, type Principal } from '@/api/directory';
import { useSession } from '@/api/session';
import { sameId } from '@/lib/arm-id';
import { scopeText } from '@/lib/scope';
import { countOf } from '@/lib/units';
import { Facts } from '@/ui/Facts';
import { useNotify } from '@/ui/notify';
import { SidePanel } from '@/ui/SidePanel';
import { EmptyState, ErrorState } from '@/ui/states';
import { Wizard } from '@/ui/Wizard';
import type { AccessProps } from './shared';

const useStyles = makeStyles({
  list: { display: 'flex', flexDirection: 'column' },
  faint: { color: tokens.colorNeutralForeground3, fontSize: tokens.fontSizeBase200 },
  label: { display: 'flex', flexDirection: 'column' },
});

/** Role, members, review: one role for any number of people and programs. */
export function AddAssignmentPanel({ scope, roles, assignments, principals, onClose }: AccessProps & { onClose: () => void }) {
  const styles = useStyles();
  const session = useSession();
  const notify = useNotify();
  const add = useAddAssignments();
  const [search, setSearch] = useState('');
  const [roleId, setRoleId] = useState('');
  const [members, setMembers] = useState<ReadonlySet<string>>(new Set());
  const role = roles.find((entry) => entry.id === roleId);
  const finds = (text: string) => text.toLowerCase().includes(search.toLowerCase());
  const has = (principal: Principal) => role !== undefined && assignments.some((entry) => entry.properties.principalId.toLowerCase() === principal.id.toLowerCase() && sameId(entry.properties.scope, scope) && roleOf(roles, entry)?.id === role.id);
  const toggle = (id: string, on: boolean) => setMembers(new Set(on ? [...members, id] : [...members].filter((entry) => entry !== id)));
  const finish = () => {
    if (!role) return;
    add.mutate({ scope, roleDefinitionId: role.id, principalIds: [...members] }, {
      onSuccess: () => {
        notify.done(`${role.properties.roleName} assigned`, countOf(members.size, 'member'));
        onClose();
      },
    });
  };
  const names = principals.all.filter((entry) => members.has(entry.id)).map((entry) => entry.displayName).join(', ');
  return (
    <SidePanel title="Add role assignment" onClose={onClose}>
      <Wizard label="Add role assignment" finish="Assign" busy={add.isPending} onFinish={finish} onCancel={onClose} onStep={() => setSearch('')} steps={[
        {
          id: 'role', title: 'Role', ready: role !== undefined,
          content: (
            <>
              <SearchBox aria-label="Find a role" placeholder="Find a role" value={search} onChange={(_, data) => setSearch(data.value)} />
              <RadioGroup aria-label="Role" value={roleId} onChange={(_, data) => setRoleId(data.value)}>
                {roles.filter((entry) => finds(entry.properties.roleName)).map((entry) => (
                  <Radio key={entry.id} value={entry.id} label={<span className={styles.label}>{entry.properties.roleName}<span className={styles.faint}>{entry.properties.description}</span></span>} />
                ))}
              </RadioGroup>
            </>
          ),
        },
        {
          id: 'members', title: 'Members', ready: members.size > 0,
          content: (
            <>
              <SearchBox aria-label="Find a member" placeholder="Find a user or service principal" value={search} onChange={(_, data) => setSearch(data.value)} />
              {principals.loaded && principals.all.length === 0 && <EmptyState title="No names">You may not see who has an account here.</EmptyState>}
              <div className={styles.list} role="group" aria-label="Members">
                {principals.all.filter((entry) => finds(entry.displayName)).map((entry) => (
                  <Checkbox key={entry.id} checked={has(entry) || members.has(entry.id)} disabled={has(entry)} onChange={(_, data) => toggle(entry.id, data.checked === true)}
                    label={<span className={styles.label}>{entry.displayName}<span className={styles.faint}>{isUser(entry) ? 'User' : 'Service principal'}{has(entry) && ' · has the role here already'}{!entry.accountEnabled && ' · disabled'}</span></span>} />
                ))}
              </div>
            </>
          ),
        },
        {
          id: 'review', title: 'Review', ready: role !== undefined && members.size > 0,
          content: (
            <>
              <Facts facts={[['Role', role?.properties.roleName], ['Members', names], ['Scope', scopeText(scope, session.subscriptionName)], ['Holds', 'Here and everywhere below, from now on']]} />
              {add.error && <ErrorState error={add.error} what="Not everybody got the role" />}
            </>
          ),
        },
      ]} />
    </SidePanel>
  );
}
