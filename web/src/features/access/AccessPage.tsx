import { Button, makeStyles, tokens } from '@fluentui/react-components';
import { AddRegular } from '@fluentui/react-icons/svg/add';
import { useState } from 'react';
import { effectiveAt, useRoleAssignments, useRoleDefinitions, type RoleDefinition } from '@/api/access';
import { usePrincipals } from '@/api/directory';
import { subscriptionScope, useSession } from '@/api/session';
import { scopeText } from '@/lib/scope';
import { Page } from '@/ui/Page';
import { TabStrip } from '@/ui/TabStrip';
import { useSearchState } from '@/ui/use-search-state';
import { AddAssignmentPanel } from './AddAssignmentPanel';
import { AssignmentsTab } from './AssignmentsTab';
import { CheckAccessTab } from './CheckAccessTab';
import { RoleDialog } from './RoleDialog';
import { RolesTab } from './RolesTab';

const useStyles = makeStyles({
  scope: { fontFamily: tokens.fontFamilyMonospace, fontSize: tokens.fontSizeBase200, overflowWrap: 'anywhere' },
});

/** Who may do what at a scope, why, and what each role means. */
export default function AccessPage() {
  const styles = useStyles();
  const session = useSession();
  const [scope] = useSearchState('scope', subscriptionScope(session));
  const [tab, setTab] = useSearchState('tab', 'assignments');
  const assignments = useRoleAssignments(scope);
  const roles = useRoleDefinitions(scope);
  const principals = usePrincipals();
  const [adding, setAdding] = useState(false);
  const [creating, setCreating] = useState<RoleDefinition | 'new'>();
  const here = effectiveAt(assignments.data ?? [], scope);
  const shared = { scope, roles: roles.data ?? [], assignments: here, principals };
  return (
    <Page title="Access control (IAM)" subtitle={<>{scopeText(scope, session.subscriptionName)} · <span className={styles.scope}>{scope}</span></>}
      actions={(
        <>
          <Button onClick={() => setCreating('new')}>Add custom role</Button>
          <Button appearance="primary" icon={<AddRegular />} onClick={() => setAdding(true)}>Add role assignment</Button>
        </>
      )}>
      <TabStrip label="Access" value={tab} onChange={setTab} tabs={[
        { id: 'assignments', text: 'Role assignments', count: assignments.data && here.length },
        { id: 'check', text: 'Check access' },
        { id: 'roles', text: 'Roles', count: roles.data?.length },
      ]} />
      {tab === 'check' && <CheckAccessTab {...shared} query={assignments} />}
      {tab === 'roles' && <RolesTab {...shared} query={roles} onCopy={setCreating} />}
      {tab === 'assignments' && <AssignmentsTab {...shared} query={assignments} onAdd={() => setAdding(true)} />}
      {adding && <AddAssignmentPanel {...shared} onClose={() => setAdding(false)} />}
      {creating && <RoleDialog base={creating === 'new' ? undefined : creating} scope={scope} onClose={() => setCreating(undefined)} />}
    </Page>
  );
}
