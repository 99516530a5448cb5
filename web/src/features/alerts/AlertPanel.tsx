import { Button, DrawerBody, DrawerFooter, DrawerHeader, DrawerHeaderTitle, makeStyles, OverlayDrawer, tokens } from '@fluentui/react-components';
import { DismissRegular } from '@fluentui/react-icons/svg/dismiss';
import { isOpenAlert, useAlertAction, type AlertAction } from '@/api/alerts';
import type { Alert } from '@/api/types';
import { armName, isMachineId } from '@/lib/arm-id';
import { formatDateTime } from '@/lib/dates';
import { paths } from '@/lib/paths';
import { AppLink } from '@/ui/AppLink';
import { Facts } from '@/ui/Facts';
import { useNotify } from '@/ui/notify';
import { SeverityLabel } from '@/ui/Severity';

const useStyles = makeStyles({
  drawer: { width: '520px' },
  body: { display: 'flex', flexDirection: 'column', gap: '16px', paddingBottom: '16px' },
  text: { margin: 0, lineHeight: tokens.lineHeightBase400 },
  heading: { margin: 0, fontSize: tokens.fontSizeBase300, fontWeight: tokens.fontWeightSemibold },
  steps: { margin: '6px 0 0', paddingLeft: '20px', lineHeight: tokens.lineHeightBase400 },
});

/** One alert in a panel, with what can be done about it. */
export function AlertPanel({ alert, onClose }: { alert: Alert | undefined; onClose: () => void }) {
  const styles = useStyles();
  const action = useAlertAction();
  const notify = useNotify();
  const act = (kind: AlertAction, done: string) => {
    if (!alert) return;
    action.mutate({ alert, action: kind }, {
      onSuccess: () => {
        notify.done(done);
        onClose();
      },
      onError: (error) => notify.failed('The alert was not changed', error),
    });
  };
  const properties = alert?.properties;
  return (
    <OverlayDrawer open={alert !== undefined} position="end" className={styles.drawer} onOpenChange={(_, data) => !data.open && onClose()}>
      <DrawerHeader>
        <DrawerHeaderTitle action={<Button appearance="subtle" aria-label="Close" icon={<DismissRegular />} onClick={onClose} />}>{properties?.alertDisplayName}</DrawerHeaderTitle>
      </DrawerHeader>
      {alert && properties && (
        <DrawerBody>
          <div className={styles.body}>
            <p className={styles.text}>{properties.description}</p>
            <Facts facts={[
              ['Severity', <SeverityLabel key="severity" severity={properties.severity} />],
              ['Status', properties.status === 'InProgress' ? 'In progress' : properties.status],
              ['Affected resource', resourceLink(alert)],
              ['First activity', formatDateTime(properties.startTimeUtc)],
              ['Last activity', formatDateTime(properties.endTimeUtc)],
              ['Tactics', properties.intent?.replaceAll(',', ', ')],
              ['Techniques', properties.techniques?.join(', ')],
              ...Object.entries(properties.extendedProperties ?? {}).filter(([, value]) => value.length < 200).map(([name, value]) => [name, value] as const),
            ]} />
            {properties.remediationSteps && properties.remediationSteps.length > 0 && (
              <div>
                <h3 className={styles.heading}>What to do</h3>
                <ol className={styles.steps}>{properties.remediationSteps.map((step) => <li key={step}>{step}</li>)}</ol>
              </div>
            )}
          </div>
        </DrawerBody>
      )}
      <DrawerFooter>
        {alert && isOpenAlert(alert) ? (
          <>
            <Button appearance="primary" disabled={action.isPending} onClick={() => act('resolve', 'Alert resolved')}>Resolve</Button>
            <Button disabled={action.isPending} onClick={() => act('dismiss', 'Alert dismissed')}>Dismiss</Button>
          </>
        ) : (
          <Button disabled={action.isPending} onClick={() => act('activate', 'Alert is active again')}>Make active again</Button>
        )}
      </DrawerFooter>
    </OverlayDrawer>
  );
}

function resourceLink(alert: Alert): React.ReactNode {
  const id = alert.properties.resourceIdentifiers?.find((entry) => entry.azureResourceId)?.azureResourceId;
  if (!id) return alert.properties.compromisedEntity;
  return isMachineId(id) ? <AppLink to={paths.machine(id)}>{armName(id)}</AppLink> : armName(id);
}
