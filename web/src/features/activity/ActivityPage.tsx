import { Button, Input, Link } from '@fluentui/react-components';
import { ArrowDownloadRegular } from '@fluentui/react-icons/svg/arrow-download';
import { useDeferredValue, useState } from 'react';
import { useSearchParams } from 'react-router';
import { activityMax, operationText, useActivity, type Activity } from '@/api/activity';
import { armName } from '@/lib/arm-id';
import { download, toCsv } from '@/lib/csv';
import { formatRange, parseRange, toTimespan } from '@/lib/time-range';
import { countOf } from '@/lib/units';
import { Card } from '@/ui/Card';
import { DataTable, type Column } from '@/ui/DataTable';
import { FilterBar } from '@/ui/FilterBar';
import { Page } from '@/ui/Page';
import { EmptyState, Loaded } from '@/ui/states';
import { Status } from '@/ui/Status';
import { TimeRangePicker } from '@/ui/TimeRangePicker';
import { useSearchState } from '@/ui/use-search-state';
import { When } from '@/ui/When';
import { ActivityPanel } from './ActivityPanel';

const succeeded = (row: Activity) => /^succe/i.test(row.status);

/** Every change to resources and access, and what it changed. */
export default function ActivityPage() {
  const [params] = useSearchParams();
  const [range, setRange] = useSearchState('range', '24h');
  const [operation, setOperation] = useSearchState('operation');
  const [caller, setCaller] = useSearchState('caller');
  const [resource, setResource] = useSearchState('resource');
  const [status, setStatus] = useSearchState('status');
  const [open, setOpen] = useState<Activity>();
  // Every letter would else be a question to the server.
  const filter = useDeferredValue({ operation, caller, resource, status });
  const parsed = parseRange(params.get('range'));
  const activity = useActivity(filter, toTimespan(parsed));
  const rows = activity.data ?? [];
  const columns: Column<Activity>[] = [
    { id: 'operation', header: 'Operation', wrap: true, sort: (row) => operationText(row.operation), render: (row) => <Link as="button" title={row.operation} onClick={() => setOpen(row)}>{operationText(row.operation)}</Link> },
    { id: 'status', header: 'Status', width: '130px', sort: (row) => row.status, render: (row) => <Status tone={succeeded(row) ? 'good' : 'bad'}>{row.status || 'Unknown'}</Status> },
    { id: 'time', header: 'Time', width: '150px', sort: (row) => row.time, render: (row) => <When at={row.time} /> },
    { id: 'resource', header: 'Resource', width: '22%', sort: (row) => armName(row.resourceId), render: (row) => <span title={row.resourceId}>{armName(row.resourceId) || '–'}</span> },
    { id: 'group', header: 'Resource group', width: '140px', sort: (row) => row.resourceGroup, render: (row) => row.resourceGroup || '–' },
    { id: 'caller', header: 'Caller', width: '16%', sort: (row) => row.caller, render: (row) => <span title={row.address && `From ${row.address}`}>{row.caller || '–'}</span> },
  ];
  const save = () => download('activity-log.csv', toCsv(
    ['Time', 'Operation', 'Status', 'Caller', 'Address', 'Resource group', 'Resource', 'Correlation id'],
    rows.map((row) => [row.time, row.operation, row.status, row.caller, row.address, row.resourceGroup, row.resourceId, row.correlation]),
  ), 'text/csv');
  return (
    <Page title="Activity log" subtitle="Who changed what, when, and how it was before"
      actions={<Button icon={<ArrowDownloadRegular />} disabled={rows.length === 0} onClick={save}>Download CSV</Button>}>
      <FilterBar search={resource} onSearch={setResource} searchLabel="Filter by resource" count={activity.data ? `${countOf(rows.length, 'operation')}${rows.length >= activityMax ? ' (the newest; narrow the time for more)' : ''}` : ''}
        filters={[{ label: 'Status', value: status, onChange: setStatus, options: [{ value: 'Success', text: 'Succeeded' }, { value: 'Failure', text: 'Failed' }] }]}>
        <Input value={operation} aria-label="Operation" placeholder="Operation" onChange={(_, data) => setOperation(data.value)} />
        <Input value={caller} aria-label="Caller" placeholder="Caller" onChange={(_, data) => setCaller(data.value)} />
        <TimeRangePicker rangeOnly range={range ? parsed : parseRange(null)} onChange={(next) => setRange(formatRange(next))} />
      </FilterBar>
      <Card flush>
        <Loaded query={activity} what="the activity log">
          {(all) => <DataTable label="Activity log" columns={columns} rows={all} rowKey={(row) => row.id} initialSort={{ id: 'time', descending: true }} minWidth={980} empty={<EmptyState title="Nothing was changed">In this time, with these filters.</EmptyState>} />}
        </Loaded>
      </Card>
      {open && <ActivityPanel activity={open} onClose={() => setOpen(undefined)} />}
    </Page>
  );
}
