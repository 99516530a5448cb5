import { Button, Menu, MenuItem, MenuList, MenuPopover, MenuTrigger } from '@fluentui/react-components';
import { AddRegular } from '@fluentui/react-icons/svg/add';
import { MoreHorizontalRegular } from '@fluentui/react-icons/svg/more-horizontal';
import { ServerRegular } from '@fluentui/react-icons/svg/server';
import { useState } from 'react';
import { useNavigate } from 'react-router';
import { useDeleteMachine, useMachines } from '@/api/machines';
import { isConnected } from '@/api/monitoring';
import type { Machine } from '@/api/types';
import { parseArmId } from '@/lib/arm-id';
import { paths } from '@/lib/paths';
import { countOf } from '@/lib/units';
import { AppLink } from '@/ui/AppLink';
import { Card } from '@/ui/Card';
import type { Column } from '@/ui/DataTable';
import { ConfirmDialog } from '@/ui/ConfirmDialog';
import { FilterBar } from '@/ui/FilterBar';
import { useNotify } from '@/ui/notify';
import { Page } from '@/ui/Page';
import { EmptyState, Loaded } from '@/ui/states';
import { Status } from '@/ui/Status';
import { useSearchState } from '@/ui/use-search-state';
import { VirtualTable } from '@/ui/VirtualTable';
import { osText } from './inventory';

/** Connected servers as resources: where they are, which agent they have, and adding and removing them. */
export default function ServersPage() {
  const navigate = useNavigate();
  const notify = useNotify();
  const machines = useMachines();
  const remove = useDeleteMachine();
  const [search, setSearch] = useSearchState('q');
  const [status, setStatus] = useSearchState('status');
  const [removing, setRemoving] = useState<Machine>();
  const shown = (machines.data ?? []).filter((row) => row.name.toLowerCase().includes(search.toLowerCase()) && (!status || row.properties.status === status));
  const group = (row: Machine) => parseArmId(row.id).resourceGroup ?? '';
  const tags = (row: Machine) => Object.entries(row.tags ?? {}).map(([name, value]) => `${name}: ${value}`).join(', ');
  const columns: Column<Machine>[] = [
    { id: 'name', header: 'Name', width: 'minmax(110px, 1fr)', sort: (row) => row.name, render: (row) => <AppLink strong to={paths.machine(row.id)}>{row.name}</AppLink> },
    { id: 'status', header: 'Status', width: '118px', sort: (row) => row.properties.status ?? '', render: (row) => <Status tone={isConnected(row) ? 'good' : 'bad'}>{row.properties.status ?? 'Unknown'}</Status> },
    { id: 'group', header: 'Resource group', width: '104px', sort: group, render: (row) => <AppLink to={paths.group(group(row))}>{group(row)}</AppLink> },
    { id: 'region', header: 'Region', width: '64px', sort: (row) => row.location ?? '', render: (row) => row.location ?? '–' },
    { id: 'os', header: 'Operating system', width: 'minmax(120px, 1.3fr)', sort: osText, render: (row) => <span title={osText(row)}>{osText(row)}</span> },
    { id: 'agent', header: 'Agent', width: '56px', sort: (row) => row.properties.agentVersion ?? '', render: (row) => row.properties.agentVersion ?? '–' },
    { id: 'tags', header: 'Tags', width: 'minmax(110px, 1.2fr)', render: (row) => <span title={tags(row)}>{tags(row) || '–'}</span> },
    {
      id: 'menu', header: '', width: '40px', align: 'end',
      render: (row) => (
        <Menu>
          <MenuTrigger disableButtonEnhancement><Button size="small" appearance="subtle" icon={<MoreHorizontalRegular />} aria-label={`Actions for ${row.name}`} /></MenuTrigger>
          <MenuPopover>
            <MenuList>
              <MenuItem onClick={() => void navigate(paths.machine(row.id))}>Open</MenuItem>
              <MenuItem onClick={() => void navigate(paths.access(row.id))}>Access control</MenuItem>
              <MenuItem onClick={() => void navigate(paths.activity({ resource: row.id, range: '30d' }))}>Activity log</MenuItem>
              <MenuItem onClick={() => setRemoving(row)}>Delete…</MenuItem>
            </MenuList>
          </MenuPopover>
        </Menu>
      ),
    },
  ];
  const add = <Button appearance="primary" icon={<AddRegular />} onClick={() => void navigate(paths.addServers())}>Add</Button>;
  const states = [...new Set((machines.data ?? []).map((row) => row.properties.status ?? 'Unknown'))].sort();
  return (
    <Page title="Servers" subtitle="Machines with an agent that is connected to this server" actions={add}>
      <FilterBar search={search} onSearch={setSearch} searchLabel="Filter by name" count={machines.data ? countOf(shown.length, 'server') : ''}
        filters={[{ label: 'Status', value: status, onChange: setStatus, options: states.map((text) => ({ value: text, text })) }]} />
      <Card flush>
        <Loaded query={machines} what="servers">
          {(all) => <VirtualTable label="Servers" columns={columns} rows={shown} rowKey={(row) => row.id} initialSort={{ id: 'name' }} minWidth={900} position={search + status}
            empty={all.length === 0 ? <EmptyState icon={<ServerRegular />} title="No servers yet" action={add}>Run one script on a machine and it appears here within seconds.</EmptyState> : <EmptyState title="No server matches" />} />}
        </Loaded>
      </Card>
      {removing && (
        <ConfirmDialog title="Delete server" submit="Delete" typed={removing.name} busy={remove.isPending} error={remove.error} failed="The server was not deleted" onClose={() => { remove.reset(); setRemoving(undefined); }}
          onConfirm={() => remove.mutate(removing.id, { onSuccess: () => { notify.done(`${removing.name} is deleted`); setRemoving(undefined); } })}>
          The resource goes away with its assessments and extensions, and the server refuses the agent's certificate from now on. The agent stays on the machine until <code>bartizan-agent disconnect --force</code>. Logs stay.
        </ConfirmDialog>
      )}
    </Page>
  );
}
