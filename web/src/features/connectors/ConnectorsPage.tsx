import { Badge, makeStyles, mergeClasses, tokens } from '@fluentui/react-components';
import { PlugConnectedRegular } from '@fluentui/react-icons/svg/plug-connected';
import { useSession } from '@/api/session';
import { useDefaultRule } from '@/api/collection';
import { useHourlyRows, type HourUse } from '@/api/usage';
import { countOf } from '@/lib/units';
import { paths } from '@/lib/paths';
import { AppLink } from '@/ui/AppLink';
import { Card } from '@/ui/Card';
import { CodeBlock } from '@/ui/CodeBlock';
import { DataTable } from '@/ui/DataTable';
import { Page } from '@/ui/Page';
import { Sparkline } from '@/ui/Sparkline';
import { EmptyState, ErrorState, Loaded } from '@/ui/states';
import { useSearchState } from '@/ui/use-search-state';
import { When } from '@/ui/When';
import { doors, type Door } from './doors';
import { arrived, arrivedTables, hoursOf, type Arrived } from './arrived';

const useStyles = makeStyles({
  layout: { display: 'grid', gridTemplateColumns: 'minmax(280px, 380px) minmax(0, 1fr)', gap: '16px', alignItems: 'start', '@media (max-width: 1100px)': { gridTemplateColumns: 'minmax(0, 1fr)' } },
  list: { display: 'flex', flexDirection: 'column', gap: '12px', margin: 0, padding: 0, listStyle: 'none' },
  door: {
    display: 'flex', flexDirection: 'column', gap: '10px', width: '100%', boxSizing: 'border-box', padding: '16px', textAlign: 'left', fontFamily: 'inherit', fontSize: 'inherit', color: 'inherit', cursor: 'pointer',
    backgroundColor: tokens.colorNeutralBackground1, border: `1px solid ${tokens.colorNeutralStroke2}`, borderRadius: tokens.borderRadiusXLarge, boxShadow: tokens.shadow2,
    ':hover': { backgroundColor: tokens.colorNeutralBackground1Hover },
    ':focus-visible': { outline: `2px solid ${tokens.colorStrokeFocus2}`, outlineOffset: '1px' },
  },
  chosen: { border: `1px solid ${tokens.colorBrandStroke1}`, boxShadow: `inset 3px 0 0 ${tokens.colorBrandStroke1}` },
  head: { display: 'flex', alignItems: 'center', gap: '10px', fontWeight: tokens.fontWeightSemibold },
  push: { flexGrow: 1 },
  faint: { color: tokens.colorNeutralForeground3, lineHeight: tokens.lineHeightBase300 },
  detail: { display: 'flex', flexDirection: 'column', gap: '16px', minWidth: 0 },
  steps: { margin: 0, paddingLeft: '22px', display: 'flex', flexDirection: 'column', gap: '16px' },
  step: { paddingLeft: '4px' },
  text: { margin: '0 0 8px', lineHeight: tokens.lineHeightBase400 },
});

/** Each way in: how to connect, and what arrived through it in the last day. */
export default function ConnectorsPage() {
  const styles = useStyles();
  const hourly = useHourlyRows();
  const [chosen, choose] = useSearchState('door', 'agent');
  const door = doors.find((entry) => entry.id === chosen) ?? doors[0];
  return (
    <Page title="Data connectors" subtitle="How rows come in, and what arrived in the last 24 hours">
      {hourly.error && <ErrorState error={hourly.error} what="Cannot count what arrived" retry={() => void hourly.refetch()} />}
      <div className={styles.layout}>
        <ul className={styles.list} aria-label="Connectors">
          {doors.map((entry) => (
            <li key={entry.id}>
              <DoorCard door={entry} arrived={hourly.data && arrived(hourly.data, entry)} chosen={entry.id === door?.id} onChoose={() => choose(entry.id)} />
            </li>
          ))}
        </ul>
        {door && <DoorDetail key={door.id} door={door} hourly={hourly} />}
      </div>
    </Page>
  );
}

function DoorCard({ door, arrived: got, chosen, onChoose }: { door: Door; arrived: Arrived | undefined; chosen: boolean; onChoose: () => void }) {
  const styles = useStyles();
  return (
    <button type="button" className={mergeClasses(styles.door, chosen && styles.chosen)} aria-pressed={chosen} onClick={onChoose}>
      <span className={styles.head}>
        <PlugConnectedRegular fontSize={20} aria-hidden />
        {door.title}
        <span className={styles.push} />
        {got && (got.rows > 0 ? <Badge appearance="tint" color="success">Receiving</Badge> : <Badge appearance="tint" color="informative">Nothing yet</Badge>)}
      </span>
      <span className={styles.faint}>{door.summary}</span>
      {got && <Sparkline values={got.hours} label={`Rows an hour through ${door.title}: ${countOf(got.rows, 'row')} in 24 hours`} />}
      <span className={styles.faint}>{got ? (got.rows > 0 ? <>{countOf(got.rows, 'row')} in 24 hours, the newest <When at={got.lastRow} /></> : 'No row in the last 24 hours') : 'Counting…'}</span>
    </button>
  );
}

function DoorDetail({ door, hourly }: { door: Door; hourly: ReturnType<typeof useHourlyRows> }) {
  const styles = useStyles();
  const session = useSession();
  const rule = useDefaultRule();
  const place = {
    url: window.location.origin,
    host: window.location.hostname,
    tenant: session.tenantId,
    rule: rule.data?.properties.immutableId ?? 'dcr-…',
  };
  return (
    <div className={styles.detail}>
      <Card title={`Connect: ${door.title}`}>
        <ol className={styles.steps}>
          {door.steps.map((step) => (
            <li key={step.text} className={styles.step}>
              <p className={styles.text}>{step.text} {step.link && <AppLink to={step.link.to}>{step.link.text}</AppLink>}</p>
              {step.code && <CodeBlock text={step.code(place)} label={step.text} />}
            </li>
          ))}
        </ol>
      </Card>
      <Card flush title="What arrived in 24 hours">
        <Loaded query={hourly} what="what arrived" rows={4}>
          {(all) => <Tables door={door} all={all} />}
        </Loaded>
      </Card>
    </div>
  );
}

function Tables({ door, all }: { door: Door; all: readonly HourUse[] }) {
  const now = hoursOf(new Date());
  return (
    <DataTable label={`Tables of ${door.title}`} rows={arrivedTables(all, door, now)} rowKey={(row) => row.table} initialSort={{ id: 'rows', descending: true }} minWidth={520}
      empty={<EmptyState title="Nothing came through this door">{door.counted}</EmptyState>}
      columns={[
        { id: 'table', header: 'Table', sort: (row) => row.table, render: (row) => <AppLink strong to={paths.logs({ q: `${row.table}\n| take 100`, range: '24h' })}>{row.table}</AppLink> },
        { id: 'rows', header: 'Rows', width: '96px', align: 'end', sort: (row) => row.rows, render: (row) => countOf(row.rows, 'row') },
        { id: 'last', header: 'Newest row', width: '120px', sort: (row) => row.lastRow ?? '', render: (row) => <When at={row.lastRow} /> },
        { id: 'hours', header: 'Rows an hour', width: '140px', render: (row) => <Sparkline values={row.hours} label={`Rows an hour of ${row.table}`} height={22} /> },
      ]} />
  );
}
