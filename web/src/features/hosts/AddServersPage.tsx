import { Field, Input, makeStyles, Radio, RadioGroup, Select } from '@fluentui/react-components';
import { useState } from 'react';
import { isUser, useServicePrincipals } from '@/api/directory';
import { useGroups } from '@/api/resources';
import { useLicences } from '@/api/tenant-settings';
import { useOnboarding } from '@/api/workspace';
import { useSession } from '@/api/session';
import { parseArmId } from '@/lib/arm-id';
import { paths } from '@/lib/paths';
import { AppLink } from '@/ui/AppLink';
import { Card } from '@/ui/Card';
import { Page } from '@/ui/Page';
import { emptyTag, TagFields, tagsOf, tagsProblem } from '@/ui/TagFields';
import { Wizard } from '@/ui/Wizard';
import { OnboardingScript } from './OnboardingScript';

const useStyles = makeStyles({
  fields: { display: 'grid', gridTemplateColumns: 'repeat(2, minmax(0, 380px))', gap: '16px 24px', alignItems: 'start', '@media (max-width: 980px)': { gridTemplateColumns: 'minmax(0, 1fr)' } },
  narrow: { maxWidth: '560px' },
});

/** The script generator, in the steps of the portals that people know: basics, tags, authentication, script. */
export default function AddServersPage() {
  const styles = useStyles();
  const session = useSession();
  const groups = useGroups();
  const programs = useServicePrincipals();
  const onboarding = useOnboarding();
  // The server's own resource group is in its first subscription, that of the workspace.
  const elsewhere = parseArmId(session.workspaceId).subscriptionId?.toLowerCase() !== session.subscriptionId.toLowerCase();
  const choices = [...new Set([...(elsewhere ? [] : [session.resourceGroup]), ...(groups.data ?? []).map((group) => group.name)])];
  const [chosenGroup, setResourceGroup] = useState('');
  const resourceGroup = chosenGroup || (choices[0] ?? '');
  const [location, setLocation] = useState(session.location ?? 'local');
  const [os, setOs] = useState('linux');
  const [connectivity, setConnectivity] = useState('public');
  const [proxy, setProxy] = useState('');
  const [tags, setTags] = useState([emptyTag()]);
  const [authentication, setAuthentication] = useState('token');
  const [way, setWay] = useState('full');
  const direct = way === 'direct';
  const designated = useLicences().data?.find((entry) => entry.designated);
  const [program, setProgram] = useState('');
  const wrongTag = tagsProblem(tags);
  const wrongProxy = proxy.trim() !== '' && !/^https?:\/\/[^\s/]+/i.test(proxy.trim());
  const usable = (programs.data ?? []).filter((entry) => entry.accountEnabled && !isUser(entry));
  const generate = (id: string) => {
    if (id !== 'script') return;
    onboarding.mutate({
      subscriptionId: session.subscriptionId, resourceGroup, location: location.trim(), tags: tagsOf(tags), proxy: connectivity === 'proxy' ? proxy.trim() : null,
      ...(direct ? { direct } : authentication === 'program' ? { servicePrincipalId: program } : {}),
    });
  };
  return (
    <Page title="Add servers" subtitle="Generate a script, run it on machines, and they are connected">
      <Card>
        <Wizard label="Add servers" onStep={generate} steps={[
          {
            id: 'basics', title: 'Basics', ready: (direct ? designated !== undefined : resourceGroup !== '') && os === 'linux' && location.trim() !== '' && (connectivity === 'public' || (proxy.trim() !== '' && !wrongProxy)),
            content: (
              <div className={styles.fields}>
                <Field label="How servers are onboarded" hint={designated ? undefined : <>Direct onboarding needs a designated subscription: <AppLink to={paths.tenant()}>Tenant settings</AppLink></>}>
                  <RadioGroup value={way} onChange={(_, data) => setWay(data.value)}>
                    <Radio value="full" label="Connected: everything that the plan brings" />
                    <Radio value="direct" disabled={designated === undefined} label={designated ? `Direct onboarding: the sensor only, licensed at ${designated.subscription.displayName}` : 'Direct onboarding: the sensor only'} />
                  </RadioGroup>
                </Field>
                {!direct && <Field label="Subscription" hint="Chosen in the top bar"><Input value={session.subscriptionName} readOnly /></Field>}
                {!direct && <Field label="Resource group" required hint={<AppLink to={paths.groups()}>Create another</AppLink>} {...(groups.data && choices.length === 0 ? { validationMessage: 'This subscription has no resource group yet.' } : {})}>
                  <Select value={resourceGroup} onChange={(_, data) => setResourceGroup(data.value)}>
                    {choices.map((name) => <option key={name}>{name}</option>)}
                  </Select>
                </Field>}
                <Field label="Region" required hint="A name for where the servers are"><Input value={location} onChange={(_, data) => setLocation(data.value)} /></Field>
                <Field label="Operating system" {...(os === 'windows' ? { validationMessage: 'There is no agent for Windows yet; such machines can only be listed.' } : {})}>
                  <Select value={os} onChange={(_, data) => setOs(data.value)}><option value="linux">Linux</option><option value="windows">Windows</option></Select>
                </Field>
                <Field label="Connectivity">
                  <RadioGroup value={connectivity} onChange={(_, data) => setConnectivity(data.value)}>
                    <Radio value="public" label="Direct: the machines reach this server by HTTPS" />
                    <Radio value="proxy" label="By a proxy server" />
                  </RadioGroup>
                </Field>
                {connectivity === 'proxy' && (
                  <Field label="Proxy server" required {...(wrongProxy ? { validationMessage: 'Such as http://proxy.example.com:3128' } : { hint: 'For the download and for the agent' })}>
                    <Input value={proxy} placeholder="http://proxy.example.com:3128" onChange={(_, data) => setProxy(data.value)} />
                  </Field>
                )}
              </div>
            ),
          },
          {
            id: 'tags', title: 'Tags', ready: wrongTag === undefined,
            content: (
              <div className={styles.narrow}>
                <TagFields tags={tags} label="Tags of the servers" onChange={setTags} />
                {wrongTag && <span role="alert">{wrongTag}</span>}
              </div>
            ),
          },
          {
            id: 'authentication', title: 'Authentication', ready: direct || authentication === 'token' || program !== '',
            content: (
              <div className={styles.narrow}>
                <Field label="How machines prove that they may connect">
                  <RadioGroup value={direct ? 'token' : authentication} onChange={(_, data) => setAuthentication(data.value)}>
                    <Radio value="token" label="Onboarding token: in the script, good for one day and any number of machines" />
                    <Radio value="program" disabled={direct} label="Service principal: the script contains no secret and asks for it, for roll-outs over months" />
                  </RadioGroup>
                </Field>
                {!direct && authentication === 'program' && (
                  <Field label="Service principal" required hint={<>It needs the role Azure Connected Machine Onboarding. <AppLink to={paths.users({ view: 'programs' })}>Create one</AppLink></>}>
                    <Select value={program} onChange={(_, data) => setProgram(data.value)}>
                      <option value="">Choose…</option>
                      {usable.map((entry) => <option key={entry.id} value={entry.appId}>{entry.displayName}</option>)}
                    </Select>
                  </Field>
                )}
              </div>
            ),
          },
          { id: 'script', title: 'Download and run', ready: true, content: <OnboardingScript onboarding={onboarding} /> },
        ]} />
      </Card>
    </Page>
  );
}
