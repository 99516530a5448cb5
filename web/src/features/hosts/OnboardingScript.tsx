import { Button, makeStyles, MessageBar, MessageBarBody, tokens } from '@fluentui/react-components';
import { ArrowDownloadRegular } from '@fluentui/react-icons/svg/arrow-download';
import type { useOnboarding } from '@/api/workspace';
import { download } from '@/lib/csv';
import { formatDateTime } from '@/lib/dates';
import { paths } from '@/lib/paths';
import { AppLink } from '@/ui/AppLink';
import { CopyButton } from '@/ui/CopyButton';
import { ErrorState, RowsSkeleton } from '@/ui/states';

const useStyles = makeStyles({
  script: { margin: 0, maxHeight: '420px', overflow: 'auto', padding: '14px 16px', borderRadius: tokens.borderRadiusMedium, backgroundColor: tokens.colorNeutralBackground3, fontFamily: tokens.fontFamilyMonospace, fontSize: '13px', lineHeight: '20px', whiteSpace: 'pre', ':focus-visible': { outline: `2px solid ${tokens.colorStrokeFocus2}` } },
  steps: { margin: 0, paddingLeft: '20px', lineHeight: tokens.lineHeightBase400 },
  actions: { display: 'flex', gap: '8px' },
});

/** The script, to copy or download, and what to do with it. */
export function OnboardingScript({ onboarding }: { onboarding: ReturnType<typeof useOnboarding> }) {
  const styles = useStyles();
  if (onboarding.error) return <ErrorState error={onboarding.error} what="No script was made" />;
  const made = onboarding.data;
  if (!made) return <RowsSkeleton label="Generating the script" />;
  return (
    <>
      <div className={styles.actions}>
        <Button appearance="primary" icon={<ArrowDownloadRegular />} onClick={() => download('OnboardingScript.sh', made.script, 'text/x-shellscript', false)}>Download</Button>
        <CopyButton text={made.script} label="Copy script" size="medium" appearance="secondary" />
      </div>
      <ol className={styles.steps}>
        <li>Copy the script to the machine: Debian 12, Ubuntu 22.04, RHEL 9, Rocky 9 and the like, or later, with the same kind of processor as this server.</li>
        <li>Run it as root: <code>sudo sh OnboardingScript.sh</code></li>
        {!made.token && <li>Type the secret of the service principal when it asks, or set <code>BARTIZAN_SERVICE_PRINCIPAL_SECRET</code>.</li>}
        <li>The server appears among the <AppLink to={paths.servers()}>servers</AppLink> within seconds.</li>
      </ol>
      {made.token && <MessageBar intent="warning" layout="multiline"><MessageBarBody>The token in the script is a secret. It is valid until {formatDateTime(made.expiresOn)}.</MessageBarBody></MessageBar>}
      <pre className={styles.script} tabIndex={0} aria-label="Onboarding script">{made.script}</pre>
    </>
  );
}
