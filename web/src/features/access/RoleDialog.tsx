import { Field, Input, makeStyles, Textarea, tokens } from '@fluentui/react-components';
import { useState } from 'react';
import { useSaveRole, type RoleDefinition } from '@/api/access';
import { subscriptionScope, useSession } from '@/api/session';
import { roleFromJson, roleToJson, type RoleDraft } from '@/lib/role-json';
import { FormDialog } from '@/ui/FormDialog';
import { useNotify } from '@/ui/notify';
import { TabStrip } from '@/ui/TabStrip';
import { ActionPicker } from './ActionPicker';

const useStyles = makeStyles({ json: { '& textarea': { fontFamily: tokens.fontFamilyMonospace, fontSize: '13px', minHeight: '300px' } } });

interface RoleDialogProps {
  /** The custom role to change. */
  edited?: RoleDefinition;
  /** The role to begin a new one from. */
  base?: RoleDefinition | undefined;
  scope: string;
  onClose: () => void;
}

/** A custom role, by picking actions or as JSON; both show the same role. */
export function RoleDialog({ edited, base, scope, onClose }: RoleDialogProps) {
  const styles = useStyles();
  const session = useSession();
  const notify = useNotify();
  const save = useSaveRole();
  const [draft, setDraft] = useState<RoleDraft>(() => draftOf(edited ?? base, edited !== undefined, scope.includes('/resourceGroups/') ? subscriptionScope(session) : scope));
  const [tab, setTab] = useState('pick');
  const [text, setText] = useState('');
  const read = tab === 'json' ? roleFromJson(text) : draft;
  const problem = 'problem' in read ? read.problem : undefined;
  const complete = !('problem' in read) && read.roleName.trim() !== '' && read.permissions.actions.length + read.permissions.dataActions.length > 0;
  const show = (next: string) => {
    if (next === 'json') setText(roleToJson(draft));
    else if (!('problem' in read)) setDraft(read);
    else return;
    setTab(next);
  };
  const submit = () => {
    if ('problem' in read) return;
    const { permissions, ...rest } = read;
    save.mutate({ id: edited?.id, properties: { ...rest, permissions: [permissions] } }, {
      onSuccess: () => {
        notify.done(edited ? 'Custom role saved' : `Custom role ${rest.roleName} created`);
        onClose();
      },
    });
  };
  return (
    <FormDialog wide title={edited ? `Edit ${edited.properties.roleName}` : 'Add custom role'} submit={edited ? 'Save' : 'Create'} busy={save.isPending} disabled={!complete}
      error={save.error} failed="The role was not saved" onSubmit={submit} onClose={onClose}>
      <TabStrip label="How to write the role" value={tab} onChange={show} tabs={[{ id: 'pick', text: 'Pick actions' }, { id: 'json', text: 'JSON' }]} />
      {tab === 'json' ? (
        <Field label="Role as JSON" hint="As ARM or az role definition writes it" {...(problem ? { validationMessage: problem } : {})}>
          <Textarea className={styles.json} value={text} rows={16} spellCheck={false} onChange={(_, data) => setText(data.value)} />
        </Field>
      ) : (
        <>
          <Field label="Name" required><Input value={draft.roleName} onChange={(_, data) => setDraft({ ...draft, roleName: data.value })} /></Field>
          <Field label="Description"><Input value={draft.description} onChange={(_, data) => setDraft({ ...draft, description: data.value })} /></Field>
          <ActionPicker permissions={draft.permissions} onChange={(permissions) => setDraft({ ...draft, permissions })} />
        </>
      )}
    </FormDialog>
  );
}

function draftOf(role: RoleDefinition | undefined, same: boolean, scope: string): RoleDraft {
  const from = role?.properties;
  // Several sets come with roles made elsewhere; a copy begins with the first, and JSON shows it.
  const set = from?.permissions[0];
  return {
    roleName: !from ? '' : same ? from.roleName : `Copy of ${from.roleName}`,
    description: from?.description ?? '',
    permissions: { actions: set?.actions ?? [], notActions: set?.notActions ?? [], dataActions: set?.dataActions ?? [], notDataActions: set?.notDataActions ?? [] },
    assignableScopes: same && from ? from.assignableScopes : [scope],
  };
}
