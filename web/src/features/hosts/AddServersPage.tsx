import { Button, Field, Input, makeStyles, MessageBar, MessageBarBody, tokens } from '@fluentui/react-components';
import { ArrowDownloadRegular } from '@fluentui/react-icons/svg/arrow-download';
import { useState, type FormEvent } from 'react';
import { useOnboarding } from '@/api/workspace';
import { useSession } from '@/api/session';
import { formatDateTime } from '@/lib/dates';
import { download } from '@/lib/csv';
import { paths } from '@/lib/paths';
import { AppLink } from '@/ui/AppLink';
import { Card } from '@/ui/Card';
import { CopyButton } from '@/ui/CopyButton';
import { Page } from '@/ui/Page';
import { EmptyState, ErrorState } from '@/ui/states';
import { emptyTag, TagFields, tagsOf } from './TagFields';

const useStyles = makeStyles({
  grid: { display: 'grid', gridTemplateColumns: 'minmax(320px, 400px) minmax(0, 1fr)', gap: '16px', alignItems: 'start', '@media (max-width: 980px)': { gridTemplateColumns: 'minmax(0, 1fr)' } },
  form: { display: 'flex', flexDirection: 'column', gap: '16px' },
  script: { margin: 0, padding: '14px 16px', borderRadius: tokens.borderRadiusMedium, backgroundColor: tokens.colorNeutralBackground3, fontFamily: tokens.fontFamilyMonospace, fontSize: '13px', lineHeight: '20px', overflowX: 'auto', whiteSpace: 'pre' },
  steps: { margin: 0, paddingLeft: '20px', lineHeight: tokens.lineHeightBase400 },
  actions: { display: 'flex', gap: '4px' },
});

/** The script generator: details in, a script with a one-time token out. */
export default function AddServersPage() {
  const styles = useStyles();
  const session = useSession();
  const onboarding = useOnboarding();
  const [resourceGroup, setResourceGroup] = useState(session.resourceGroup);
  const [location, setLocation] = useState(session.location ?? 'local');
  const [proxy, setProxy] = useState('');
  const [tags, setTags] = useState([emptyTag()]);
  const made = onboarding.data;

  const generate = (event: FormEvent) => {
    event.preventDefault();
    onboarding.mutate({ resourceGroup: resourceGroup.trim(), location: location.trim(), tags: tagsOf(tags), proxy: proxy.trim() || null });
  };
  return (
    <Page title="Add servers" subtitle="Generate a script, run it on a machine, and it is connected">
      <div className={styles.grid}>
        <Card title="Resource details">
          <form className={styles.form} onSubmit={generate}>
            <Field label="Subscription"><Input value={session.subscriptionName} readOnly /></Field>
            <Field label="Resource group" required><Input value={resourceGroup} onChange={(_, data) => setResourceGroup(data.value)} /></Field>
            <Field label="Region" required hint="A name for where the server is"><Input value={location} onChange={(_, data) => setLocation(data.value)} /></Field>
            <Field label="Proxy server" hint="Host and port, if the server needs one to reach Bartizan"><Input value={proxy} placeholder="proxy.example.com:3128" onChange={(_, data) => setProxy(data.value)} /></Field>
            <TagFields tags={tags} onChange={setTags} />
            {onboarding.error && <ErrorState error={onboarding.error} what="No script was made" />}
            <div><Button appearance="primary" type="submit" disabled={onboarding.isPending || !resourceGroup.trim() || !location.trim()}>{onboarding.isPending ? 'Generating…' : 'Generate script'}</Button></div>
          </form>
        </Card>
        <Card title="Script" action={made && (
          <span className={styles.actions}>
            <CopyButton text={made.script} label="Copy script" />
            <Button size="small" appearance="subtle" icon={<ArrowDownloadRegular />} onClick={() => download('OnboardingScript.sh', made.script, 'text/x-shellscript', false)}>Download</Button>
          </span>
        )}>
          {made ? (
            <>
              <pre className={styles.script} tabIndex={0} aria-label="Onboarding script">{made.script}</pre>
              <ol className={styles.steps}>
                <li>Copy the script to the machine.</li>
                <li>Run it as root: <code>sudo sh OnboardingScript.sh</code></li>
                <li>The server appears in the <AppLink to={paths.inventory()}>inventory</AppLink> within seconds.</li>
              </ol>
              <MessageBar intent="info" layout="multiline"><MessageBarBody>The token in the script is a secret. It is valid until {formatDateTime(made.expiresOn)}.</MessageBarBody></MessageBar>
            </>
          ) : (
            <EmptyState title="The script appears here">It installs the agent and connects the machine with a token that expires.</EmptyState>
          )}
        </Card>
      </div>
    </Page>
  );
}
