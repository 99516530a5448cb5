import { Button, makeStyles, Spinner, tokens, Tooltip } from '@fluentui/react-components';
import { PanelLeftRegular } from '@fluentui/react-icons/svg/panel-left';
import { PlayRegular } from '@fluentui/react-icons/svg/play';
import { StopRegular } from '@fluentui/react-icons/svg/stop';
import { TextAlignLeftRegular } from '@fluentui/react-icons/svg/text-align-left';
import { lazy, Suspense, useEffect, useRef, useState, type ReactNode } from 'react';
import { useSearchParams } from 'react-router';
import { useMetadata } from '@/api/logs';
import { useSession } from '@/api/session';
import { paths } from '@/lib/paths';
import { formatRange, parseRange, setsTime, toTimespan, type TimeRange } from '@/lib/time-range';
import type { EditorHandle } from '@/kql/Editor';
import { useDiagnostics } from '@/kql/use-diagnostics';
import { CopyButton } from '@/ui/CopyButton';
import { WorkspaceScope } from '@/ui/WorkspaceScope';
import { useNotify } from '@/ui/notify';
import { Page } from '@/ui/Page';
import { useDark } from '@/ui/use-dark';
import { readDraft, writeDraft } from './draft';
import { remember } from './history';
import { QueriesMenu } from './QueriesMenu';
import { ResultPane } from './ResultPane';
import { SchemaPane } from './SchemaPane';
import { SplitHandle } from './SplitHandle';
import { TimeRangePicker } from '@/ui/TimeRangePicker';
import { useQueryRun } from './use-query-run';

const Editor = lazy(() => import('@/kql/Editor'));

const useStyles = makeStyles({
  frame: { display: 'flex', flexGrow: 1, minHeight: 0, backgroundColor: tokens.colorNeutralBackground1, border: `1px solid ${tokens.colorNeutralStroke2}`, borderRadius: tokens.borderRadiusXLarge, overflow: 'hidden', boxShadow: tokens.shadow2 },
  schema: { width: '264px', flexShrink: 0, borderRight: `1px solid ${tokens.colorNeutralStroke2}`, minHeight: 0 },
  work: { display: 'flex', flexDirection: 'column', flexGrow: 1, minWidth: 0, minHeight: 0 },
  bar: { display: 'flex', alignItems: 'center', gap: '8px', padding: '10px 12px', borderBottom: `1px solid ${tokens.colorNeutralStroke2}` },
  push: { flexGrow: 1 },
  editor: { flexShrink: 0, minHeight: 0 },
  results: { flexGrow: 1, minHeight: 0, overflow: 'hidden' },
  loading: { height: '100%', display: 'flex', alignItems: 'center', justifyContent: 'center' },
});

const welcome = 'Heartbeat\n| summarize max(TimeGenerated) by Computer';

/** What a query's `timespan` is: the range beside it, unless the query says the time itself. */
const timespanOf = (text: string, range: TimeRange) => (setsTime(text) ? undefined : toTimespan(range));

export default function LogsPage() {
  return <WorkspaceScope>{(chooser) => <QueryPage chooser={chooser} />}</WorkspaceScope>;
}

function QueryPage({ chooser }: { chooser: ReactNode }) {
  const styles = useStyles();
  const notify = useNotify();
  const workspace = useSession().workspaceCustomerId;
  const [params, setParams] = useSearchParams();
  const shared = params.get('q');
  const [query, setQuery] = useState(() => shared ?? readDraft(workspace) ?? welcome);
  const [height, setHeight] = useState(190);
  const [schema, setSchema] = useState(true);
  const editor = useRef<EditorHandle>(null);
  const range = parseRange(params.get('range'));
  const metadata = useMetadata();
  const diagnostics = useDiagnostics(query);
  const { run, start, cancel } = useQueryRun();
  const dark = useDark();
  const ran = useRef<string>(null);

  const change = (text: string) => {
    setQuery(text);
    writeDraft(workspace, text);
  };
  const execute = (text: string) => {
    if (!text.trim()) return;
    ran.current = text;
    remember(workspace, text);
    const next = new URLSearchParams(params);
    next.set('q', text);
    next.set('range', formatRange(range));
    setParams(next, { replace: params.get('q') === text });
    void start(text, timespanOf(text, range));
  };
  const format = async () => {
    const [mistake] = (await editor.current?.format().catch((error: unknown) => {
      notify.failed('The query was not formatted', error);
      return [];
    })) ?? [];
    if (mistake) notify.failed('The query was not formatted', new Error(mistake.message));
  };
  // A link to a query shows its result; Back returns to the query before.
  useEffect(() => {
    if (!shared || shared === ran.current) return;
    ran.current = shared;
    setQuery(shared);
    void start(shared, timespanOf(shared, parseRange(params.get('range'))));
    // eslint-disable-next-line react-hooks/exhaustive-deps -- the range is applied by the next run, not by itself
  }, [shared, start]);

  const link = () => window.location.origin + paths.logs({ q: query, range: formatRange(range), workspace: params.get('workspace') ?? undefined });
  return (
    <Page title="Logs" fill actions={<CopyButton text={link} label="Copy link to query" size="medium" />}>
      <div className={styles.frame}>
        {schema && <aside className={styles.schema} aria-label="Schema"><SchemaPane metadata={metadata} onInsert={(name) => editor.current?.insert(name)} /></aside>}
        <div className={styles.work}>
          <div className={styles.bar} role="toolbar" aria-label="Query">
            <Button appearance="subtle" icon={<PanelLeftRegular />} aria-label={schema ? 'Hide tables' : 'Show tables'} aria-pressed={schema} onClick={() => setSchema(!schema)} />
            {run.state === 'running' ? (
              <Button icon={<StopRegular />} onClick={cancel}>Cancel</Button>
            ) : (
              <Tooltip relationship="description" content="Shift + Enter">
                <Button appearance="primary" icon={<PlayRegular />} disabled={!query.trim()} onClick={() => execute(editor.current?.selection() || query)}>Run</Button>
              </Tooltip>
            )}
            <TimeRangePicker range={range} inQuery={setsTime(query)} onChange={(next) => setParams((previous) => {
              const changed = new URLSearchParams(previous);
              changed.set('range', formatRange(next));
              return changed;
            }, { replace: true })} />
            {chooser}
            <span className={styles.push} />
            <QueriesMenu query={query} onOpen={change} />
            <Tooltip relationship="label" content="Format query"><Button icon={<TextAlignLeftRegular />} onClick={() => void format()} /></Tooltip>
          </div>
          <div className={styles.editor} style={{ height }}>
            <Suspense fallback={<div className={styles.loading}><Spinner size="small" label="Loading the editor" /></div>}>
              <Editor ref={editor} value={query} onChange={change} onRun={() => execute(editor.current?.selection() || query)} diagnostics={diagnostics} dark={dark} />
            </Suspense>
          </div>
          <SplitHandle value={height} min={80} max={640} onChange={setHeight} />
          <section className={styles.results} aria-label="Results"><ResultPane run={run} onFocus={(index) => editor.current?.focusAt(index)} /></section>
        </div>
      </div>
    </Page>
  );
}
