import { Badge, Button, makeStyles } from '@fluentui/react-components';
import { DocumentSearchRegular } from '@fluentui/react-icons/svg/document-search';
import { useNavigate, useParams } from 'react-router';
import { useAlerts } from '@/api/alerts';
import { useAssessmentMetadata, useAssessments } from '@/api/assessments';
import { useExtensions, useMachine } from '@/api/machines';
import { coverOf, isConnected, isDirect, tierOf } from '@/api/monitoring';
import { isOn, serversPlanOf, usePlanOverrides, usePlans, useTierParts } from '@/api/plans';
import { subscriptionScope, useSession } from '@/api/session';
import type { Machine } from '@/api/types';
import { sameId } from '@/lib/arm-id';
import { kqlString } from '@/lib/kql-text';
import { paths } from '@/lib/paths';
import { AppLink } from '@/ui/AppLink';
import { Card } from '@/ui/Card';
import { Facts } from '@/ui/Facts';
import { LocksCard } from '@/ui/LocksCard';
import { Page } from '@/ui/Page';
import { Loaded } from '@/ui/states';
import { Status } from '@/ui/Status';
import { TagList } from '@/ui/TagList';
import { TabStrip } from '@/ui/TabStrip';
import { useSearchState } from '@/ui/use-search-state';
import { AlertsTab, AssessmentsTab } from './tabs';
import { DiagnoseCard } from './DiagnoseCard';
import { FeaturesTab } from './FeaturesTab';
import { HealthCard } from './HealthCard';
import { ExtensionsCard } from './ExtensionsCard';
import { TestAlertCard } from './TestAlertCard';
import { osText } from './inventory';

const useStyles = makeStyles({
  column: { display: 'flex', flexDirection: 'column', gap: '16px', minWidth: 0 },
  grid: { display: 'grid', gridTemplateColumns: 'minmax(300px, 5fr) minmax(0, 8fr)', gap: '16px', alignItems: 'start', '@media (max-width: 980px)': { gridTemplateColumns: 'minmax(0, 1fr)' } },
});

/** Resource health of one server. */
export default function MachinePage() {
  const styles = useStyles();
  const session = useSession();
  const navigate = useNavigate();
  const { resourceGroup = '', machine: name = '' } = useParams();
  const id = `${subscriptionScope(session)}/resourceGroups/${resourceGroup}/providers/Microsoft.HybridCompute/machines/${name}`;
  const machine = useMachine(id);
  const extensions = useExtensions(id);
  const assessments = useAssessments(id);
  const metadata = useAssessmentMetadata();
  const alerts = useAlerts();
  const overrides = usePlanOverrides();
  const plans = usePlans();
  const plan = overrides?.get(id.toLowerCase()) ?? serversPlanOf(plans.data);
  const tier = tierOf(plan);
  const brings = useTierParts();
  const [tab, setTab] = useSearchState('tab', 'recommendations');

  const of = (code: string) => assessments.data?.filter((entry) => entry.properties.status.code === code);
  const own = alerts.data?.filter((alert) => alert.properties.resourceIdentifiers?.some((entry) => sameId(entry.azureResourceId, id)) || alert.properties.compromisedEntity?.toLowerCase() === name.toLowerCase());
  const cover = machine.data && extensions.data && plan && brings ? coverOf(machine.data, extensions.data, tier, brings) : undefined;
  return (
    <Page title={name} leaf={name} subtitle="Resource health · Server"
      badge={machine.data && <Badge appearance="tint" color={isConnected(machine.data) ? 'success' : 'danger'}>{machine.data.properties.status ?? 'Unknown'}</Badge>}
      actions={(
        <>
          <Button icon={<DocumentSearchRegular />} onClick={() => void navigate(paths.logs({ q: `Syslog\n| where Computer == ${kqlString(name)}\n| sort by TimeGenerated desc\n| take 200`, range: '24h' }))}>Logs of this server</Button>
          <Button onClick={() => void navigate(paths.access(id))}>Access control</Button>
          <Button onClick={() => void navigate(paths.activity({ resource: id, range: '30d' }))}>Activity log</Button>
        </>
      )}>
      <div className={styles.grid}>
        <Card title="Server">
          <Loaded query={machine} what="the server" rows={8}>
            {(found) => (
              <Facts facts={[
                ['Monitoring', cover && <Status tone={cover.monitoring === 'Monitored' ? 'good' : 'warn'}>{cover.monitoring}</Status>],
                ['Defender for Cloud', cover && `${cover.protection}${tier === 'Free' ? '' : ` (Plan ${tier.slice(1)}${overrides?.has(id.toLowerCase()) ? ', set for this server' : ''})`}`],
                ['Onboarding', isDirect(found) ? 'Direct: the sensor only, licensed at the designated subscription. Connect it fully with an onboarding token for the rest.' : undefined],
                ['Resource group', <AppLink key="group" to={paths.group(resourceGroup)}>{resourceGroup}</AppLink>],
                ['Tags', <TagList key="tags" id={id} tags={found.tags} />],
                ...facts(found),
              ]} />
            )}
          </Loaded>
        </Card>
        <div className={styles.column}>
          {machine.data && extensions.data && plan && brings && <HealthCard machine={machine.data} extensions={extensions.data} tier={tier} brings={brings} />}
          <DiagnoseCard id={id} />
          <TestAlertCard id={id} />
          <ExtensionsCard extensions={extensions} planOn={isOn(plan)} reasons={cover?.monitoring === 'Not monitored' ? cover.reasons : []} />
        </div>
      </div>
      <TabStrip label="Security findings" value={tab} onChange={setTab} tabs={[
        { id: 'recommendations', text: 'Recommendations', count: of('Unhealthy')?.length },
        { id: 'passed', text: 'Passed assessments', count: of('Healthy')?.length },
        { id: 'unavailable', text: 'Unavailable assessments', count: of('NotApplicable')?.length },
        { id: 'alerts', text: 'Alerts', count: own?.length },
        { id: 'features', text: 'Plan and features' },
        { id: 'locks', text: 'Locks' },
      ]} />
      {tab === 'locks' ? <LocksCard scope={id} /> : <Card flush>
        {tab === 'features' ? <FeaturesTab machine={id} own={overrides?.get(id.toLowerCase())} /> : tab === 'alerts' ? <Loaded query={alerts} what="alerts">{() => <AlertsTab alerts={own ?? []} />}</Loaded> : (
          <Loaded query={assessments} what="assessments">
            {() => <AssessmentsTab kind={tab} assessments={of(codes[tab] ?? 'Unhealthy') ?? []} metadata={metadata.data} />}
          </Loaded>
        )}
      </Card>}
    </Page>
  );
}

const codes: Record<string, string> = { recommendations: 'Unhealthy', passed: 'Healthy', unavailable: 'NotApplicable' };

function facts(machine: Machine): (readonly [string, React.ReactNode])[] {
  const { properties } = machine;
  const detected = properties.detectedProperties ?? {};
  const addresses = (properties.networkProfile?.networkInterfaces ?? [])
    .flatMap((entry) => entry.ipAddresses ?? [])
    .map((entry) => entry.address)
    .filter((address) => address !== undefined);
  const memory = detected['totalPhysicalMemoryInGigabytes'];
  return [
    ['Operating system', osText(machine)],
    ['Kernel', detected['kernel']],
    ['Name in DNS', properties.machineFqdn],
    ['Addresses', addresses.slice(0, 4).join(', ')],
    ['Processors', detected['logicalCoreCount']],
    ['Memory', memory && `${memory} GB`],
    ['Hardware', [detected['manufacturer'], detected['model']].filter(Boolean).join(' ')],
    ['Problem', properties.errorDetails?.map((detail) => detail.message).filter(Boolean).join(' ')],
  ];
}
