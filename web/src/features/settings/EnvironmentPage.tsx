import { isOn, usePlans } from '@/api/plans';
import { useMachines } from '@/api/machines';
import { useSession } from '@/api/session';
import { paths } from '@/lib/paths';
import { AppLink } from '@/ui/AppLink';
import { Card } from '@/ui/Card';
import { DataTable, type Column } from '@/ui/DataTable';
import { Page } from '@/ui/Page';
import { Loaded } from '@/ui/states';

interface Row {
  id: string;
  name: string;
  plans: string;
  servers: string;
}

const columns: readonly Column<Row>[] = [
  { id: 'name', header: 'Subscription', render: (row) => <AppLink strong to={paths.plans(row.id)}>{row.name}</AppLink> },
  { id: 'id', header: 'Subscription id', width: '340px', render: (row) => row.id },
  { id: 'servers', header: 'Servers', width: '120px', align: 'end', render: (row) => row.servers },
  { id: 'plans', header: 'Defender coverage', width: '180px', align: 'end', render: (row) => row.plans },
];

/** The scopes whose settings can be changed: one subscription. */
export default function EnvironmentPage() {
  const session = useSession();
  const plans = usePlans();
  const machines = useMachines();
  return (
    <Page title="Environment settings" subtitle="Plans, provisioning and policy of your environment">
      <Card flush>
        <Loaded query={plans} what="the subscription" rows={2}>
          {(found) => (
            <DataTable label="Subscriptions" columns={columns} rowKey={(row) => row.id} rows={[{
              id: session.subscriptionId, name: session.subscriptionName, servers: machines.data ? String(machines.data.length) : '…', plans: `${found.filter(isOn).length} of ${found.length} plans on`,
            }]} />
          )}
        </Loaded>
      </Card>
    </Page>
  );
}
