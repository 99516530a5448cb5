import { makeStyles, ProgressBar, tokens } from '@fluentui/react-components';
import { lazy, Suspense, useMemo } from 'react';
import { isConnected } from '@/api/monitoring';
import { useMachines } from '@/api/machines';
import { isOn, serversPlanOf, usePlans } from '@/api/plans';
import { machinesMax, useDailyUse, useMachineUse } from '@/api/usage';
import { useSession } from '@/api/session';
import { useWorkspace } from '@/api/workspace';
import { toChart } from '@/kql/chart-data';
import { countOf, formatCount, formatVolume, percent } from '@/lib/units';
import { Card } from '@/ui/Card';
import { DataTable } from '@/ui/DataTable';
import { FilterBar } from '@/ui/FilterBar';
import { Page } from '@/ui/Page';
import { EmptyState, Loaded, RowsSkeleton } from '@/ui/states';
import { TabStrip } from '@/ui/TabStrip';
import { useSearchState } from '@/ui/use-search-state';
import { PlanHours } from './PlanHours';
import { allowanceBytes, allowanceTables, byTable, dailyTable, machineColumns, tableColumns } from './usage';

const Chart = lazy(() => import('@/kql/Chart'));

const useStyles = makeStyles({
  tiles: { display: 'grid', gridTemplateColumns: 'repeat(auto-fit, minmax(220px, 1fr))', gap: '16px' },
  number: { fontSize: '28px', lineHeight: '36px', fontWeight: tokens.fontWeightSemibold, fontVariantNumeric: 'tabular-nums' },
  faint: { color: tokens.colorNeutralForeground3, lineHeight: tokens.lineHeightBase300 },
  chart: { height: '280px', margin: '0 -8px -8px' },
  tabs: { padding: '4px 20px 0' },
});

const ranges = [{ value: '7', text: '7 days' }, { value: '30', text: '30 days' }];

/** What came in, by day, table and machine, and what of it is billed. */
export default function UsagePage() {
  const styles = useStyles();
  const [range, setRange] = useSearchState('days', '7');
  const [search, setSearch] = useSearchState('q');
  const [view, setView] = useSearchState('view', 'tables');
  const days = range === '30' ? 30 : 7;
  const daily = useDailyUse(`P${days}D`);
  const machines = useMachineUse(`P${days}D`);
  const tables = useMemo(() => byTable(daily.data ?? []), [daily.data]);
  const chart = useMemo(() => toChart(dailyTable(daily.data ?? []), 'column', { xColumn: 'Day', yColumns: 'MB', series: 'Table' }), [daily.data]);
  const billed = tables.reduce((sum, table) => sum + table.billed, 0);
  const free = tables.reduce((sum, table) => sum + table.free, 0);
  const matches = (name: string) => !search || name.toLowerCase().includes(search.trim().toLowerCase());
  return (
    <Page title="Usage" subtitle="What came in and is kept, by table and machine">
      <FilterBar search={search} onSearch={setSearch} searchLabel={view !== 'tables' ? 'Find a machine' : 'Find a table'}
        filters={[{ label: 'Time', value: String(days), onChange: (value) => setRange(value || '7'), options: ranges }]} />
      <div className={styles.tiles}>
        <Card title="Billed">
          <Loaded query={daily} what="the usage" rows={2}>{() => <><div className={styles.number}>{formatVolume(billed)}</div><div className={styles.faint}>{formatVolume(billed / days)} a day over {days} days</div></>}</Loaded>
        </Card>
        <Card title="Free">
          <Loaded query={daily} what="the usage" rows={2}>{() => <><div className={styles.number}>{formatVolume(free)}</div><div className={styles.faint}>Heartbeats, alerts, incidents and the activity log are not billed</div></>}</Loaded>
        </Card>
        <Card title="Daily cap">
          <DailyCap today={(daily.data ?? []).filter((use) => use.billable && use.day === new Date().toISOString().slice(0, 10)).reduce((sum, use) => sum + use.bytes, 0)} />
        </Card>
        <Card title="Included with Defender for Servers">
          <Allowance days={days} used={tables.filter((table) => allowanceTables.has(table.table)).reduce((sum, table) => sum + table.billed, 0)} />
        </Card>
      </div>
      <Card title="Billed by day, in MB">
        <Loaded query={daily} what="the usage" rows={5}>
          {() => (chart && chart.points.length > 0 ? <div className={styles.chart}><Suspense fallback={<RowsSkeleton rows={5} />}><Chart data={chart} /></Suspense></div> : <EmptyState title="Nothing billed came in">Rows appear here within a minute of their arrival.</EmptyState>)}
        </Loaded>
      </Card>
      <Card flush>
        <div className={styles.tabs}><TabStrip label="View" value={view} onChange={setView} tabs={[{ id: 'tables', text: 'Tables', count: daily.data && tables.length }, { id: 'machines', text: 'Machines', count: machines.data?.length }, { id: 'plans', text: 'Plans' }]} /></div>
        {view === 'plans' ? <PlanHours matches={matches} /> : view === 'machines' ? (
          <Loaded query={machines} what="the usage of machines">
            {(all) => <DataTable key="machines" label="Usage by machine" columns={machineColumns(days, billed)} rows={all.filter((row) => matches(row.machine))} rowKey={(row) => row.machine} initialSort={{ id: 'billed', descending: true }} minWidth={640}
              empty={<EmptyState title="No machine matches">{all.length === machinesMax ? `The ${formatCount(machinesMax)} machines that sent most are listed.` : 'Rows that name a machine in Computer or DeviceName are counted here.'}</EmptyState>} />}
          </Loaded>
        ) : (
          <Loaded query={daily} what="the usage of tables">
            {() => <DataTable key="tables" label="Usage by table" columns={tableColumns(days, billed)} rows={tables.filter((row) => matches(row.table))} rowKey={(row) => row.table} initialSort={{ id: 'billed', descending: true }} minWidth={640} empty={<EmptyState title="No table matches" />} />}
          </Loaded>
        )}
      </Card>
    </Page>
  );
}

/** What a day may bring, and whether rows are being refused. */
function DailyCap({ today }: { today: number }) {
  const styles = useStyles();
  const workspace = useWorkspace(useSession().workspaceId);
  const capping = workspace.data?.properties.workspaceCapping;
  return (
    <Loaded query={workspace} what="the workspace" rows={2}>
      {() => {
        if (!capping || capping.dailyQuotaGb <= 0) return <div className={styles.faint}>No cap is set: rows are taken as long as there is room on the disk.</div>;
        const quota = capping.dailyQuotaGb * 1e9;
        const over = capping.dataIngestionStatus === 'OverQuota';
        return (
          <>
            <div className={styles.number}>{formatVolume(quota)}</div>
            <ProgressBar value={Math.min(1, today / quota)} thickness="large" color={over ? 'error' : capping.dataIngestionStatus === 'ApproachingQuota' ? 'warning' : 'brand'} aria-label={`${percent(today, quota)} percent of the daily cap`} />
            <div className={styles.faint}>{over ? `Reached: billed rows are refused until ${new Date(capping.quotaNextResetTime).toLocaleString()}` : `${formatVolume(today)} of billed rows dated today`}</div>
          </>
        );
      }}
    </Loaded>
  );
}

/** 500 MB a machine a day for security tables comes with plan 2. */
function Allowance({ days, used }: { days: number; used: number }) {
  const styles = useStyles();
  const plans = usePlans();
  const machines = useMachines();
  const plan = serversPlanOf(plans.data);
  const connected = (machines.data ?? []).filter(isConnected).length;
  const whole = connected * allowanceBytes * days;
  return (
    <Loaded query={plans} what="the plans" rows={2}>
      {() => {
        if (!isOn(plan) || plan?.properties.subPlan !== 'P2') return <div className={styles.faint}>Plan 2 includes 500 MB a machine a day of security events. It is not on.</div>;
        if (connected === 0) return <div className={styles.faint}>500 MB a day for each connected machine. None is connected.</div>;
        return (
          <>
            <div className={styles.number}>{formatVolume(used)}</div>
            <ProgressBar value={Math.min(1, used / whole)} thickness="large" color={used > whole ? 'warning' : 'brand'} aria-label={`${percent(used, whole)} percent of the included volume`} />
            <div className={styles.faint}>of {formatVolume(whole)} for {countOf(connected, 'machine')} in {days} days, in the tables of security events</div>
          </>
        );
      }}
    </Loaded>
  );
}
