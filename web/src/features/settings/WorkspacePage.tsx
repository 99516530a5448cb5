import { Button, makeStyles, Radio, RadioGroup, tokens } from '@fluentui/react-components';
import { SaveRegular } from '@fluentui/react-icons/svg/save';
import { useState } from 'react';
import { useSession } from '@/api/session';
import { useDefaultWorkspace, useSaveWorkspaceSetting, useWorkspaceSettings } from '@/api/workspace';
import { sameId } from '@/lib/arm-id';
import { formatDay } from '@/lib/dates';
import { Card } from '@/ui/Card';
import { Facts } from '@/ui/Facts';
import { useNotify } from '@/ui/notify';
import { ErrorState, Loaded } from '@/ui/states';
import { SettingsFrame } from './SettingsFrame';

const useStyles = makeStyles({
  text: { margin: 0, color: tokens.colorNeutralForeground2, lineHeight: tokens.lineHeightBase400 },
  hint: { display: 'block', color: tokens.colorNeutralForeground3, fontSize: tokens.fontSizeBase200 },
});

/** The workspace that receives the data of this subscription's servers: the default one, or one that is there. */
export default function WorkspacePage() {
  const styles = useStyles();
  const session = useSession();
  const workspace = useDefaultWorkspace();
  const settings = useWorkspaceSettings();
  const save = useSaveWorkspaceSetting();
  const notify = useNotify();
  // A setting that nobody wrote is the default.
  const saved = settings.data?.find((setting) => setting.name === 'default')?.properties.workspaceId ?? session.workspaceId;
  const [choice, setChoice] = useState<string>();
  const value = choice ?? saved;
  const changed = choice !== undefined && !sameId(choice, saved);
  const submit = () => choice && save.mutate(choice, { onSuccess: () => notify.done('Workspace saved') });
  return (
    <SettingsFrame title="Workspace" actions={<Button appearance="primary" icon={<SaveRegular />} disabled={!changed || save.isPending} title={changed ? undefined : 'Nothing has changed'} onClick={submit}>Save</Button>}>
      {save.error && <ErrorState error={save.error} what="The workspace was not saved" />}
      <Card title="Store data in">
        <p className={styles.text}>Logs, heartbeats and alerts of all servers of this subscription go to this workspace, where queries and rules read them.</p>
        <Loaded query={workspace} what="the workspace" rows={3}>
          {(found) => (
            <RadioGroup aria-label="Workspace" value={sameId(value, found.id) ? found.id : value} onChange={(_, data) => setChoice(data.value)}>
              <Radio value={found.id} label={<>The default workspace, {found.name}<span className={styles.hint}>Every subscription of this server has it as its default.</span></>} />
              <Radio value="other" disabled label={<>Another workspace<span className={styles.hint}>There is none: this server has one workspace. More than one is not there yet, and requests that name another are refused by its name.</span></>} />
            </RadioGroup>
          )}
        </Loaded>
      </Card>
      {workspace.data && (
        <Card title="About the workspace">
          <Facts facts={[
            ['Name', workspace.data.name],
            ['Workspace id', workspace.data.properties.customerId],
            ['Region', workspace.data.location],
            ['Retention', workspace.data.properties.retentionInDays && `${workspace.data.properties.retentionInDays} days`],
            ['Provisioning state', workspace.data.properties.provisioningState],
            ['Created', workspace.data.properties.createdDate && formatDay(workspace.data.properties.createdDate)],
            ['Resource id', workspace.data.id],
          ]} />
        </Card>
      )}
    </SettingsFrame>
  );
}
