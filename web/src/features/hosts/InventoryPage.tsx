import { Button, makeStyles, mergeClasses, tokens } from '@fluentui/react-components';
import { ArrowDownloadRegular } from '@fluentui/react-icons/svg/arrow-download';
import { ServerRegular } from '@fluentui/react-icons/svg/server';
import { useDeferredValue, useMemo } from 'react';
import { useNavigate, useSearchParams } from 'react-router';
import { useAssessmentMetadata } from '@/api/assessments';
import { useExtensionsOf, useUnhealthy } from '@/api/fleet';
import { useMachines } from '@/api/machines';
import { isConnected } from '@/api/monitoring';
import { serversPlanOf, usePlanOverrides, usePlans, useTierParts } from '@/api/plans';
import { download, toCsv } from '@/lib/csv';
import { paths } from '@/lib/paths';
import { countOf, formatCount } from '@/lib/units';
import { Card } from '@/ui/Card';
import { FilterBar, type Filter } from '@/ui/FilterBar';
import { Page } from '@/ui/Page';
import { EmptyState, Loaded } from '@/ui/states';
import { useSearchState } from '@/ui/use-search-state';
import { VirtualTable } from '@/ui/VirtualTable';
import { columns, inventoryRows, kindText, matches, monitoringNames, osText, planText, tagsIn } from './inventory';
import { ViewsMenu } from './ViewsMenu';

const useStyles = makeStyles({
  tiles: { display: 'flex', gap: '12px', flexWrap: 'wrap' },
  tile: {
    display: 'flex', flexDirection: 'column', alignItems: 'flex-start', padding: '6px 14px 8px', minWidth: '112px', border: `1px solid ${tokens.colorNeutralStroke2}`, borderRadius: tokens.borderRadiusLarge, backgroundColor: tokens.colorNeutralBackground1, color: 'inherit', fontFamily: 'inherit', textAlign: 'left', cursor: 'pointer',
    ':hover': { backgroundColor: tokens.colorNeutralBackground1Hover },
    ':focus-visible': { outline: `2px solid ${tokens.colorStrokeFocus2}` },
  },
  chosen: { border: `1px solid ${tokens.colorBrandStroke1}` },
  number: { fontSize: '24px', lineHeight: '30px', fontWeight: tokens.fontWeightSemibold, fontVariantNumeric: 'tabular-nums' },
  name: { color: tokens.colorNeutralForeground3, fontSize: tokens.fontSizeBase200 },
});

const unique = (values: readonly string[]) => [...new Set(values)].sort();
const options = (values: readonly string[]) => values.map((value) => ({ value, text: value }));
/** Dropdowns longer than this are no help; the search and the Tags page are. */
const optionsMax = 200;

/** Every server, whether a plan covers it, whether it is watched, and where the blind spots are. */
export default function InventoryPage() {
  const styles = useStyles();
  const navigate = useNavigate();
  const [params, setParams] = useSearchParams();
  const machines = useMachines();
  const extensions = useExtensionsOf(machines.data ?? []);
  const unhealthy = useUnhealthy();
  const metadata = useAssessmentMetadata();
  const plan = serversPlanOf(usePlans().data);
  const overrides = usePlanOverrides();
  const brings = useTierParts();
  const [search, setSearch] = useSearchState('q');
  const text = (name: string) => params.get(name) ?? '';
  const set = (name: string) => (value: string) => setParams((previous) => {
    const next = new URLSearchParams(previous);
    if (value) next.set(name, value);
    else next.delete(name);
    return next;
  }, { replace: true });
  const filter = useDeferredValue(params.toString());

  const rows = useMemo(() => inventoryRows(machines.data ?? [], { extensions, unhealthy, plan, overrides, brings }), [machines.data, extensions, unhealthy, plan, overrides, brings]);
  const shown = useMemo(() => {
    const wanted = new URLSearchParams(filter);
    const of = (name: string) => wanted.get(name) ?? '';
    return rows.filter((row) => matches(row, { search: of('q'), status: of('status'), defender: of('defender'), monitoring: of('monitoring'), plan: of('plan'), kind: of('type'), group: of('group'), os: of('os'), tag: of('tag'), recommendation: of('recommendation') }));
  }, [rows, filter]);
  const choices = useMemo(() => ({
    os: unique(rows.map((row) => osText(row.machine))), groups: unique(rows.map((row) => row.group)), kinds: unique(rows.map((row) => kindText(row.machine))), tags: tagsIn(rows.map((row) => row.machine)).slice(0, optionsMax),
    recommendations: unique(rows.flatMap((row) => row.unhealthy)),
  }), [rows]);
  const counts = useMemo(() => ({
    unhealthy: rows.filter((row) => row.unhealthy.length > 0).length, not: rows.filter((row) => row.cover?.monitoring === 'Not monitored').length,
    un: rows.filter((row) => row.cover?.monitoring === 'Unmonitored').length, off: rows.filter((row) => !isConnected(row.machine)).length,
  }), [rows]);
  const select = (label: string, name: string, list: Filter['options']): Filter => ({ label, value: text(name), onChange: set(name), options: list });
  const add = <Button appearance="primary" onClick={() => void navigate(paths.addServers())}>Add servers</Button>;
  const save = () => download('inventory.csv', toCsv(
    ['Name', 'Status', 'Monitoring', 'Defender', 'Plan', 'Unhealthy recommendations', 'Resource group', 'Type', 'Operating system', 'Agent', 'Tags', 'Reasons', 'Resource id'],
    shown.map(({ machine, cover, tier, unhealthy: keys, group }) => [machine.name, machine.properties.status, cover?.monitoring, cover?.protection, planText(tier), keys.length, group, kindText(machine), osText(machine), machine.properties.agentVersion, Object.entries(machine.tags ?? {}).map(([name, value]) => `${name}=${value}`).join('; '), cover?.reasons.join('. '), machine.id]),
  ), 'text/csv');
  const tiles: readonly (readonly [string, number, Record<string, string>])[] = [
    ['Total servers', rows.length, {}],
    ['Unhealthy servers', counts.unhealthy, { unhealthy: '1' }],
    ['Not monitored', counts.not, { monitoring: 'not' }],
    ['Blind spots', counts.un, { monitoring: 'un' }],
    ['Not connected', counts.off, { status: 'other' }],
  ];
  return (
    <Page title="Inventory" subtitle="Every server that is known, and whether it is protected"
      actions={<><ViewsMenu /><Button icon={<ArrowDownloadRegular />} disabled={shown.length === 0} onClick={save}>Download CSV</Button>{add}</>}>
      <div className={styles.tiles} role="group" aria-label="Totals">
        {tiles.map(([name, value, query]) => (
          <button key={name} type="button" className={mergeClasses(styles.tile, new URLSearchParams(query).toString() === params.toString() && styles.chosen)} aria-pressed={new URLSearchParams(query).toString() === params.toString()}
            title={name === 'Blind spots' ? 'Unmonitored: no plan covers them, or they have no agent' : undefined}
            onClick={() => (query['unhealthy'] ? void navigate(paths.recommendations()) : setParams(query, { replace: true }))}>
            <span className={styles.number}>{machines.data ? formatCount(value) : '–'}</span>
            <span className={styles.name}>{name}</span>
          </button>
        ))}
      </div>
      <FilterBar search={search} onSearch={setSearch} searchLabel="Filter by name" count={machines.data ? countOf(shown.length, 'server') : ''} filters={[
        select('Defender', 'defender', options(['On', 'Partial', 'Off'])),
        select('Monitoring', 'monitoring', Object.entries(monitoringNames).map(([value, name]) => ({ value, text: name }))),
        select('Plan', 'plan', [{ value: 'P1', text: 'Plan 1' }, { value: 'P2', text: 'Plan 2' }, { value: 'Free', text: 'Off' }]),
        select('Status', 'status', [{ value: 'connected', text: 'Connected' }, { value: 'other', text: 'Not connected' }]),
        select('Type', 'type', options(choices.kinds)),
        select('Group', 'group', options(choices.groups)),
        select('Tag', 'tag', options(unique([...choices.tags, ...(text('tag') ? [text('tag')] : [])]))),
        select('System', 'os', options(choices.os)),
        select('Recommendation', 'recommendation', choices.recommendations.map((key) => ({ value: key, text: metadata.data?.get(key)?.displayName ?? key }))),
      ]} />
      <Card flush>
        <Loaded query={machines} what="servers">
          {(all) => (
            <VirtualTable label="Servers" columns={columns} rows={shown} rowKey={(row) => row.machine.id} initialSort={{ id: 'name' }} minWidth={950} position={filter}
              empty={all.length === 0 ? (
                <EmptyState icon={<ServerRegular />} title="No servers yet" action={add}>Generate a script, run it on a machine, and it appears here within seconds.</EmptyState>
              ) : <EmptyState title="No server matches">Change the filters to see more.</EmptyState>} />
          )}
        </Loaded>
      </Card>
    </Page>
  );
}
