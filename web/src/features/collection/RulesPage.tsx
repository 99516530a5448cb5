import { Button } from '@fluentui/react-components';
import { AddRegular } from '@fluentui/react-icons/svg/add';
import { DeleteRegular } from '@fluentui/react-icons/svg/delete';
import { useNavigate } from 'react-router';
import { useCollectionRules, useDeleteRule } from '@/api/collection';
import type { CollectionRule } from '@/api/types';
import { paths } from '@/lib/paths';
import { AppLink } from '@/ui/AppLink';
import { Card } from '@/ui/Card';
import { CopyButton } from '@/ui/CopyButton';
import { DataTable, type Column } from '@/ui/DataTable';
import { useNotify } from '@/ui/notify';
import { Page } from '@/ui/Page';
import { EmptyState, Loaded } from '@/ui/states';
import { tablesOf } from './rule';

const columns: readonly Column<CollectionRule>[] = [
  { id: 'name', header: 'Rule', width: '24%', sort: (row) => row.name, render: (row) => <AppLink strong to={paths.collectionRule(row.name)}>{row.name}</AppLink> },
  { id: 'flows', header: 'Streams and tables', wrap: true, render: (row) => <Flows rule={row} /> },
  { id: 'transform', header: 'Transforms', width: '110px', render: (row) => ((row.properties.dataFlows ?? []).some((flow) => flow.transformKql && flow.transformKql.trim() !== 'source') ? 'Yes' : 'No') },
  { id: 'id', header: 'Immutable id', width: '290px', render: (row) => <ImmutableId rule={row} /> },
  { id: 'delete', header: '', width: '60px', align: 'end', render: (row) => <Delete rule={row} /> },
];

/** Which streams come in, what is done to their rows, and where they go. */
export default function RulesPage() {
  const rules = useCollectionRules();
  const navigate = useNavigate();
  return (
    <Page title="Data collection rules" subtitle="Which rows come in, what is done to them, and where they go" actions={<Button appearance="primary" icon={<AddRegular />} onClick={() => void navigate(paths.collectionRule('new'))}>Create rule</Button>}>
      <Card flush>
        <Loaded query={rules} what="data collection rules">
          {(all) => <DataTable label="Data collection rules" columns={columns} rows={all} rowKey={(row) => row.id} initialSort={{ id: 'name' }} minWidth={860} empty={<EmptyState title="No data collection rule" />} />}
        </Loaded>
      </Card>
    </Page>
  );
}

function Flows({ rule }: { rule: CollectionRule }) {
  const flows = rule.properties.dataFlows ?? [];
  if (flows.length === 0) return <span>{rule.properties.description || 'Every table, as its own stream'}</span>;
  return <>{flows.map((flow, at) => <div key={at}>{flow.streams.join(', ')} → {tablesOf(flow).join(', ')}</div>)}</>;
}

function ImmutableId({ rule }: { rule: CollectionRule }) {
  const id = rule.properties.immutableId ?? '';
  return <span style={{ display: 'flex', alignItems: 'center' }}><span style={{ overflow: 'hidden', textOverflow: 'ellipsis' }} title={id}>{id}</span><CopyButton text={id} label={`Copy the immutable id of ${rule.name}`} iconOnly /></span>;
}

function Delete({ rule }: { rule: CollectionRule }) {
  const remove = useDeleteRule();
  const notify = useNotify();
  const isDefault = rule.name === 'bartizan-default';
  return (
    <Button appearance="subtle" size="small" icon={<DeleteRegular />} disabledFocusable={isDefault || remove.isPending} aria-label={`Delete ${rule.name}`} title={isDefault ? 'Agents send by this rule' : 'Delete the rule; rows that it stored stay'}
      onClick={() => { if (!isDefault) remove.mutate(rule, { onSuccess: () => notify.done(`Rule ${rule.name} deleted`), onError: (error) => notify.failed('The rule was not deleted', error) }); }} />
  );
}
