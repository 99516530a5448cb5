import { GeoLocationCard } from './GeoLocationCard';
import { DirectOnboardingCard } from './DirectOnboardingCard';
import { makeStyles } from '@fluentui/react-components';
import { useTenantSettings } from '@/api/tenant-settings';
import { useSession } from '@/api/session';
import { Card } from '@/ui/Card';
import { Facts } from '@/ui/Facts';
import { Page } from '@/ui/Page';
import { Status } from '@/ui/Status';

const useStyles = makeStyles({ column: { display: 'flex', flexDirection: 'column', gap: '16px', maxWidth: '900px' } });

/** What is set once for everybody: where the data is, whether any of it leaves, and direct onboarding. */
export default function TenantPage() {
  const styles = useStyles();
  const session = useSession();
  const settings = useTenantSettings();
  return (
    <Page title="Tenant settings" subtitle="For all subscriptions of this server">
      <div className={styles.column}>
        <Card title="Tenant">
          <Facts facts={[
            ['Tenant id', session.tenantId],
            ['Pseudonymised export', settings.data && <Status tone="good">{settings.data.properties.pseudonymizedExport ? 'On' : 'Off'}</Status>],
            ['Leaves this server', 'Rows by data export rules, and nothing else: there is no central storage to send to.'],
          ]} />
        </Card>
        <GeoLocationCard settings={settings} />
        <DirectOnboardingCard />
      </div>
    </Page>
  );
}
