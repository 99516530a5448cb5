import { Button, Dropdown, Option } from '@fluentui/react-components';
import { DeleteRegular } from '@fluentui/react-icons/svg/delete';
import { useAssociate, useAssociations, useDissociate } from '@/api/collection';
import { useMachines } from '@/api/machines';
import type { CollectionRule, RuleAssociation } from '@/api/types';
import { Card } from '@/ui/Card';
import { DataTable, type Column } from '@/ui/DataTable';
import { useNotify } from '@/ui/notify';
import { EmptyState, Loaded } from '@/ui/states';
import { machineName, machineOf } from './rule';

const columns: readonly Column<RuleAssociation>[] = [
  { id: 'machine', header: 'Machine', sort: (row) => machineName(row.id), render: (row) => machineName(row.id) },
  { id: 'name', header: 'Association', render: (row) => row.name },
  { id: 'remove', header: '', width: '60px', align: 'end', render: (row) => <Remove association={row} /> },
];

/** The machines whose monitor follows a rule; any can be added and taken away. */
export function MachinesCard({ rule }: { rule: CollectionRule }) {
  const associations = useAssociations(rule.id);
  return (
    <Card flush title="Machines" action={<Add rule={rule} following={associations.data ?? []} />}>
      <Loaded query={associations} what="the machines of the rule" rows={2}>
        {(all) => (
          <DataTable label="Machines that follow the rule" columns={columns} rows={all} rowKey={(row) => row.id} initialSort={{ id: 'machine' }} minWidth={320}
            empty={<EmptyState title="No machine follows this rule">Machines without a rule of their own follow the default one.</EmptyState>} />
        )}
      </Loaded>
    </Card>
  );
}

function Add({ rule, following }: { rule: CollectionRule; following: readonly RuleAssociation[] }) {
  const machines = useMachines();
  const associate = useAssociate();
  const notify = useNotify();
  const known = new Set(following.map((association) => machineOf(association.id).toLowerCase()));
  const others = (machines.data ?? []).filter((machine) => !known.has(machine.id.toLowerCase()));
  const add = (machineId: string | undefined) => {
    if (!machineId) return;
    associate.mutate({ rule, machineId }, { onSuccess: () => notify.done(`${machineName(machineId)} follows ${rule.name}`), onError: (error) => notify.failed('The machine was not added', error) });
  };
  return (
    <Dropdown aria-label="Add a machine" placeholder={others.length > 0 ? 'Add a machine' : 'All machines follow it'} disabled={others.length === 0 || associate.isPending} selectedOptions={[]} value="" onOptionSelect={(_, data) => add(data.optionValue)}>
      {others.map((machine) => <Option key={machine.id} value={machine.id}>{machine.name}</Option>)}
    </Dropdown>
  );
}

function Remove({ association }: { association: RuleAssociation }) {
  const dissociate = useDissociate();
  const notify = useNotify();
  const name = machineName(association.id);
  return (
    <Button appearance="subtle" size="small" icon={<DeleteRegular />} disabledFocusable={dissociate.isPending} aria-label={`Take ${name} away`} title="The machine follows the rule no longer; rows that it sent stay"
      onClick={() => dissociate.mutate(association, { onSuccess: () => notify.done(`${name} follows the rule no longer`), onError: (error) => notify.failed('The machine was not taken away', error) })} />
  );
}
