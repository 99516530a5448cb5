import { Button, makeStyles, Radio, RadioGroup, tokens } from '@fluentui/react-components';
import { SaveRegular } from '@fluentui/react-icons/svg/save';
import { useState } from 'react';
import { useSaveWorkspaceSetting, useWorkspaces, useWorkspaceSettings } from '@/api/workspace';
import { useSession } from '@/api/session';
import { sameId } from '@/lib/arm-id';
import { formatDay } from '@/lib/dates';
import { Card } from '@/ui/Card';
import { Facts } from '@/ui/Facts';
import { useNotify } from '@/ui/notify';
import { ErrorState, Loaded } from '@/ui/states';
import { SettingsFrame } from './SettingsFrame';

const useStyles = makeStyles({ text: { margin: 0, color: tokens.colorNeutralForeground2, lineHeight: tokens.lineHeightBase400 } });

/** The workspace that receives the data of this subscription's servers. */
export default function WorkspacePage() {
  const styles = useStyles();
  const session = useSession();
  const workspaces = useWorkspaces();
  const settings = useWorkspaceSettings();
  const save = useSaveWorkspaceSetting();
  const notify = useNotify();
  const saved = settings.data?.find((setting) => setting.name === 'default')?.properties.workspaceId ?? session.workspaceId;
  const [choice, setChoice] = useState<string>();
  const selected = workspaces.data?.find((workspace) => sameId(workspace.id, choice ?? saved));
  const changed = choice !== undefined && !sameId(choice, saved);
  const submit = () => choice && save.mutate(choice, { onSuccess: () => notify.done('Workspace saved') });
  return (
    <SettingsFrame title="Workspace" actions={<Button appearance="primary" icon={<SaveRegular />} disabled={!changed || save.isPending} title={changed ? undefined : 'Nothing has changed'} onClick={submit}>Save</Button>}>
      {save.error && <ErrorState error={save.error} what="The workspace was not saved" />}
      <Card title="Store data in">
        <p className={styles.text}>Logs, heartbeats and alerts of all servers go to this workspace, where queries and rules read them.</p>
        <Loaded query={workspaces} what="workspaces" rows={3}>
          {(all) => (
            <RadioGroup aria-label="Workspace" value={selected?.id ?? ''} onChange={(_, data) => setChoice(data.value)}>
              {all.map((workspace) => <Radio key={workspace.id} value={workspace.id} label={workspace.name} />)}
            </RadioGroup>
          )}
        </Loaded>
      </Card>
      {selected && (
        <Card title="About the workspace">
          <Facts facts={[
            ['Name', selected.name],
            ['Workspace id', selected.properties.customerId],
            ['Region', selected.location],
            ['Retention', selected.properties.retentionInDays && `${selected.properties.retentionInDays} days`],
            ['Provisioning state', selected.properties.provisioningState],
            ['Created', selected.properties.createdDate && formatDay(selected.properties.createdDate)],
            ['Resource id', selected.id],
          ]} />
        </Card>
      )}
    </SettingsFrame>
  );
}
