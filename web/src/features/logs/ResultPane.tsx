import { Dropdown, makeStyles, Menu, MenuButton, MenuItem, MenuList, MenuPopover, MenuTrigger, MessageBar, MessageBarBody, MessageBarTitle, Option, SearchBox, Spinner, tokens } from '@fluentui/react-components';
import { ArrowDownloadRegular } from '@fluentui/react-icons/svg/arrow-download';
import { DocumentSearchRegular } from '@fluentui/react-icons/svg/document-search';
import { lazy, Suspense, useEffect, useMemo, useState } from 'react';
import type { QueryAnswer, QueryTable } from '@/api/types';
import { download, toCsv } from '@/lib/csv';
import { countOf } from '@/lib/units';
import { chartKind, toChart, type ChartKind } from '@/kql/chart-data';
import { toObjects } from '@/kql/result';
import { ResultGrid } from '@/kql/ResultGrid';
import { CopyButton } from '@/ui/CopyButton';
import { EmptyState } from '@/ui/states';
import { TabStrip } from '@/ui/TabStrip';
import { QueryErrorView } from './QueryErrorView';
import type { Run } from './use-query-run';

const Chart = lazy(() => import('@/kql/Chart'));

const useStyles = makeStyles({
  root: { display: 'flex', flexDirection: 'column', minHeight: 0, height: '100%' },
  bar: { flexShrink: 0, display: 'flex', alignItems: 'center', gap: '8px', padding: '0 12px 0 20px', minHeight: '44px', borderBottom: `1px solid ${tokens.colorNeutralStroke2}`, '> :first-child': { borderBottomStyle: 'none' } },
  push: { flexGrow: 1 },
  search: { width: '180px', minWidth: '90px' },
  kind: { minWidth: '120px', width: '140px' },
  body: { flexGrow: 1, flexBasis: 0, minHeight: 0, position: 'relative' },
  center: { height: '100%', display: 'flex', alignItems: 'center', justifyContent: 'center' },
  status: { flexShrink: 0, padding: '5px 20px', fontSize: tokens.fontSizeBase200, color: tokens.colorNeutralForeground3, borderTop: `1px solid ${tokens.colorNeutralStroke2}`, display: 'flex', gap: '16px', whiteSpace: 'nowrap', overflow: 'hidden' },
  pad: { padding: '12px 20px' },
});

const kinds: readonly { kind: ChartKind; text: string }[] = [
  { kind: 'line', text: 'Line' }, { kind: 'area', text: 'Area' }, { kind: 'column', text: 'Column' }, { kind: 'bar', text: 'Bar' }, { kind: 'pie', text: 'Pie' }, { kind: 'scatter', text: 'Scatter' },
];

const noTable: QueryTable = { name: 'PrimaryResult', columns: [], rows: [] };

interface ResultPaneProps {
  run: Run;
  onFocus: (index: number) => void;
}

export function ResultPane({ run, onFocus }: ResultPaneProps) {
  const styles = useStyles();
  switch (run.state) {
    case 'idle':
      return <EmptyState icon={<DocumentSearchRegular />} title="Run a query to see its rows">Type a query, or choose one from Queries, and press Shift and Enter.</EmptyState>;
    case 'cancelled':
      return <EmptyState title="The query was cancelled" />;
    case 'running':
      return <div className={styles.center}><Running started={run.started} /></div>;
    case 'failed':
      return <div className={styles.pad}><QueryErrorView query={run.query} error={run.error} diagnostics={run.diagnostics} onFocus={onFocus} /></div>;
    case 'done':
      return <Answer key={run.elapsedMs} run={run} />;
  }
}

/** Says how long it has been, so that a long query is told from a stuck page. */
function Running({ started }: { started: number }) {
  const [seconds, setSeconds] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => setSeconds(Math.floor((performance.now() - started) / 1000)), 500);
    return () => clearInterval(timer);
  }, [started]);
  return <Spinner label={seconds < 2 ? 'Running the query' : `Running the query, ${countOf(seconds, 'second')}`} />;
}

function Answer({ run }: { run: Extract<Run, { state: 'done' }> }) {
  const styles = useStyles();
  const { answer } = run;
  const [shown, setShown] = useState(0);
  const table: QueryTable = answer.tables[shown] ?? noTable;
  const asked = chartKind(answer.render?.visualization);
  const [tab, setTab] = useState(asked ? 'chart' : 'results');
  const [kind, setKind] = useState<ChartKind>(asked ?? 'column');
  const [filter, setFilter] = useState('');
  const chart = useMemo(() => (tab === 'chart' ? toChart(table, kind, answer.render) : undefined), [tab, table, kind, answer]);
  const csv = () => toCsv(table.columns.map((column) => column.name), table.rows);
  const json = () => JSON.stringify(toObjects(table), null, 2);
  return (
    <div className={styles.root}>
      <div className={styles.bar}>
        <TabStrip label="Result view" value={tab} onChange={setTab} tabs={[{ id: 'results', text: 'Results' }, { id: 'chart', text: 'Chart' }]} />
        <span className={styles.push} />
        {answer.tables.length > 1 && (
          <Dropdown className={styles.kind} aria-label="Result table" value={table.name} selectedOptions={[String(shown)]} onOptionSelect={(_, data) => setShown(Number(data.optionValue))}>
            {answer.tables.map((entry, at) => <Option key={at} value={String(at)}>{entry.name}</Option>)}
          </Dropdown>
        )}
        {tab === 'chart' ? (
          <Dropdown className={styles.kind} aria-label="Chart type" value={kinds.find((entry) => entry.kind === kind)?.text ?? ''} selectedOptions={[kind]}
            onOptionSelect={(_, data) => setKind(data.optionValue as ChartKind)}>
            {kinds.map((entry) => <Option key={entry.kind} value={entry.kind}>{entry.text}</Option>)}
          </Dropdown>
        ) : (
          <SearchBox className={styles.search} size="small" placeholder="Filter rows" aria-label="Filter rows" value={filter} onChange={(_, data) => setFilter(data.value)} />
        )}
        <CopyButton text={csv} label="Copy" />
        <Menu>
          <MenuTrigger disableButtonEnhancement><MenuButton appearance="subtle" size="small" icon={<ArrowDownloadRegular />}>Export</MenuButton></MenuTrigger>
          <MenuPopover>
            <MenuList>
              <MenuItem onClick={() => download('query-result.csv', csv(), 'text/csv;charset=utf-8')}>CSV</MenuItem>
              <MenuItem onClick={() => download('query-result.json', json(), 'application/json', false)}>JSON</MenuItem>
            </MenuList>
          </MenuPopover>
        </Menu>
      </div>
      {answer.error && (
        <div className={styles.pad}>
          <MessageBar intent="warning" layout="multiline"><MessageBarBody><MessageBarTitle>Partial result</MessageBarTitle>{partialText(answer.error)}</MessageBarBody></MessageBar>
        </div>
      )}
      <div className={styles.body}>
        {table.rows.length === 0 ? <EmptyState title="No rows">The query ran and found nothing in this time range.</EmptyState>
          : tab === 'results' ? <ResultGrid table={table} filter={filter} />
          : chart ? <Suspense fallback={<div className={styles.center}><Spinner /></div>}><Chart data={chart} /></Suspense>
          : <EmptyState title="Nothing to draw">A chart needs a column of numbers, and one of times or names.</EmptyState>}
      </div>
      <div className={styles.status} role="status">
        <span>{countOf(table.rows.length, 'row')}</span>
        <span>{countOf(table.columns.length, 'column')}</span>
        <span>{(run.elapsedMs / 1000).toFixed(2)} s</span>
      </div>
    </div>
  );
}

/** The server's reasons; its own message only says that there are some. */
function partialText(error: NonNullable<QueryAnswer['error']>): string {
  const reasons = (error.details ?? []).flatMap((detail) => (detail.message ? [detail.message] : []));
  return reasons.length > 0 ? reasons.join(' ') : error.message ?? 'The query was completed partially.';
}
