import { Button, makeStyles, Radio, RadioGroup, Select, tokens } from '@fluentui/react-components';
import { SaveRegular } from '@fluentui/react-icons/svg/save';
import { useState } from 'react';
import { useSession } from '@/api/session';
import type { Session } from '@/api/types';
import { useAnyWorkspaces, useSaveWorkspaceSetting, useWorkspace, useWorkspaceSettings, type AnyWorkspace } from '@/api/workspace';
import { armName, sameId } from '@/lib/arm-id';
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

/** The id of a subscription's own default workspace, as the server makes it. */
function ownWorkspace({ subscriptionId: id, location = 'local' }: Session): string {
  return `/subscriptions/${id}/resourceGroups/DefaultResourceGroup-${location}/providers/Microsoft.OperationalInsights/workspaces/DefaultWorkspace-${id}-${location}`;
}

function optionOf(value: string, home: string, own: string): 'default' | 'own' | 'other' {
  return sameId(value, home) ? 'default' : sameId(value, own) ? 'own' : 'other';
}

/** The workspace that receives the data of this subscription's servers: the server's own, a default one of the subscription, or one that is there. */
export default function WorkspacePage() {
  const styles = useStyles();
  const session = useSession();
  const all = useAnyWorkspaces();
  const settings = useWorkspaceSettings();
  const save = useSaveWorkspaceSetting();
  const notify = useNotify();
  // A setting that nobody wrote is the default.
  const saved = settings.data?.find((setting) => setting.name === 'default')?.properties.workspaceId ?? session.workspaceId;
  const [choice, setChoice] = useState<string>();
  const value = choice ?? saved;
  const workspace = useWorkspace(saved);
  const own = ownWorkspace(session);
  const others = (found: readonly AnyWorkspace[]) => found.filter((row) => !sameId(row.id, session.workspaceId) && !sameId(row.id, own));
  const changed = choice !== undefined && !sameId(choice, saved);
  const submit = () => choice && save.mutate(choice, { onSuccess: () => notify.done('Workspace saved') });
  return (
    <SettingsFrame title="Workspace" actions={<Button appearance="primary" icon={<SaveRegular />} disabled={!changed || save.isPending} title={changed ? undefined : 'Nothing has changed'} onClick={submit}>Save</Button>}>
      {save.error && <ErrorState error={save.error} what="The workspace was not saved" />}
      <Card title="Store data in">
        <p className={styles.text}>What the log collection of this subscription's servers gathers (heartbeats, syslog, counters) goes to this workspace. Servers that report already move over, and what they still hold is sent there. Rows of the endpoint sensor and of the inventory stay in the server's own workspace, where its detections read them; a detection over the moved tables does not see them.</p>
        <Loaded query={all} what="the workspaces" rows={3}>
          {(found) => (
            <RadioGroup aria-label="Workspace" value={optionOf(value, session.workspaceId, own)} onChange={(_, data) => setChoice(data.value === 'own' ? own : data.value === 'default' ? session.workspaceId : others(found)[0]?.id)}>
              <Radio value="default" label={<>The server's workspace, {armName(session.workspaceId)}<span className={styles.hint}>What every subscription has until somebody chooses.</span></>} />
              <Radio value="own" label={<>A default workspace of this subscription<span className={styles.hint}>{armName(own)}, made when it is saved.</span></>} />
              <Radio value="other" disabled={others(found).length === 0} label={<>Another workspace<span className={styles.hint}>{others(found).length === 0 ? 'There is none yet; the page Workspaces makes one.' : 'One that is there.'}</span></>} />
              {optionOf(value, session.workspaceId, own) === 'other' && (
                <Select aria-label="Which workspace" value={others(found).find((row) => sameId(row.id, value))?.id ?? ''} onChange={(_, data) => setChoice(data.value)}>
                  {others(found).map((row) => <option key={row.id} value={row.id}>{row.name} ({row.resourceGroup})</option>)}
                </Select>
              )}
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
