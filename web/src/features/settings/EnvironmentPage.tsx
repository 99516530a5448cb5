import { makeStyles, tokens } from '@fluentui/react-components';
import { useMachines } from '@/api/machines';
import { plansOn, usePlans } from '@/api/plans';
import { useSession, useSwitchSubscription } from '@/api/session';
import { tenantTree, useManagementGroups, useSubscriptions, type TenantNode } from '@/api/tenant';
import { paths } from '@/lib/paths';
import { AppLink } from '@/ui/AppLink';
import { Card } from '@/ui/Card';
import { DataTable, type Column } from '@/ui/DataTable';
import { Page } from '@/ui/Page';
import { Loaded } from '@/ui/states';

const useStyles = makeStyles({ note: { margin: 0, color: tokens.colorNeutralForeground3 } });

/** The tree of management groups and subscriptions, and the way to the settings of each. */
export default function EnvironmentPage() {
  const styles = useStyles();
  const session = useSession();
  const choose = useSwitchSubscription();
  const plans = usePlans();
  const machines = useMachines();
  const groups = useManagementGroups();
  const subscriptions = useSubscriptions();
  const tree = groups.data ? tenantTree(groups.data) : [];
  const known = new Set(tree.map((node) => node.name.toLowerCase()));
  const loose = (subscriptions.data ?? []).filter((entry) => !known.has(entry.subscriptionId.toLowerCase()));
  const rows: TenantNode[] = [...tree, ...loose.map((entry): TenantNode => ({ id: entry.id, name: entry.subscriptionId, kind: 'subscription', text: entry.displayName, depth: 0 }))];
  const here = (row: TenantNode) => row.name.toLowerCase() === session.subscriptionId.toLowerCase();
  const columns: Column<TenantNode>[] = [
    {
      id: 'name', header: 'Name',
      render: (row) => <span style={{ paddingLeft: row.depth * 22 }}>{row.kind === 'group' ? row.text : <AppLink strong to={paths.plans(row.name)} onClick={() => choose({ id: row.name, name: row.text })}>{row.text}</AppLink>}</span>,
    },
    { id: 'kind', header: 'Type', width: '160px', render: (row) => (row.kind === 'group' ? 'Management group' : 'Subscription') },
    { id: 'id', header: 'Id', width: '320px', render: (row) => row.name },
    { id: 'servers', header: 'Servers', width: '90px', align: 'end', render: (row) => (here(row) ? machines.data?.length ?? '…' : '–') },
    { id: 'plans', header: 'Defender coverage', width: '160px', align: 'end', render: (row) => (here(row) && plans.data ? plansOn(plans.data) : '–') },
    { id: 'access', header: 'Access', width: '140px', render: (row) => <AppLink to={paths.access(row.id)}>Access control</AppLink> },
  ];
  return (
    <Page title="Environment settings" subtitle="Plans, provisioning and policy of your environment" actions={<AppLink to={paths.tenant()}>Tenant settings and direct onboarding</AppLink>}>
      <Card flush>
        <Loaded query={subscriptions} what="subscriptions" rows={2}>
          {() => <DataTable label="Subscriptions" columns={columns} rowKey={(row) => row.id} rows={rows} minWidth={1000} />}
        </Loaded>
      </Card>
      {groups.data === null && <p className={styles.note}>This server shows no management groups: it has none, or your roles do not reach them.</p>}
    </Page>
  );
}
