import { Field, makeStyles, Select, SpinButton, tokens } from '@fluentui/react-components';
import { useExtensionsOf } from '@/api/fleet';
import { useMachines } from '@/api/machines';
import { coverOf, tierOf } from '@/api/monitoring';
import { serversPlanOf, usePlanOverrides, usePlans, useTierParts } from '@/api/plans';
import { useCoverageTargets, useSetCoverageTargets } from '@/api/shared-views';
import { coverage, type CoverageRow } from '@/lib/coverage';
import { paths } from '@/lib/paths';
import { AppLink } from '@/ui/AppLink';
import { Card } from '@/ui/Card';
import { DataTable, type Column } from '@/ui/DataTable';
import { useNotify } from '@/ui/notify';
import { toneColor } from '@/ui/palette';
import { SplitBar } from '@/ui/SplitBar';
import { EmptyState, Loaded } from '@/ui/states';
import { Status } from '@/ui/Status';
import { useSearchState } from '@/ui/use-search-state';
import { SettingsFrame } from './SettingsFrame';

const useStyles = makeStyles({
  fields: { display: 'flex', gap: '16px', flexWrap: 'wrap', alignItems: 'flex-end' },
  target: { minWidth: 0, width: '84px' },
  faint: { color: tokens.colorNeutralForeground3, margin: 0 },
});

/** How much of each environment is protected, against what it should be. */
export default function CoveragePage() {
  const styles = useStyles();
  const notify = useNotify();
  const machines = useMachines();
  const extensions = useExtensionsOf(machines.data ?? []);
  const plan = serversPlanOf(usePlans().data);
  const overrides = usePlanOverrides();
  const brings = useTierParts();
  const targets = useCoverageTargets();
  const set = useSetCoverageTargets();
  const wanted = set.isPending ? set.variables : targets.data?.properties;
  const [tag, setTag] = useSearchState('tag', wanted?.tag ?? 'environment');
  const names = [...new Set(['environment', tag, ...(machines.data ?? []).flatMap((machine) => Object.keys(machine.tags ?? {}))])].sort();
  const ready = wanted !== undefined && brings !== undefined && plan !== undefined && overrides !== undefined && (machines.data?.length === 0 || extensions.size > 0);
  const rows = coverage((machines.data ?? []).map((machine) => {
    const id = machine.id.toLowerCase();
    const monitored = ready && coverOf(machine, extensions.get(id) ?? [], tierOf(overrides.get(id) ?? plan), brings).monitoring === 'Monitored';
    return { monitored, value: Object.entries(machine.tags ?? {}).find(([name]) => name.toLowerCase() === tag.toLowerCase())?.[1] ?? '' };
  }), wanted?.targets ?? {}, wanted?.otherwise ?? 0);
  const setTarget = (value: string, target: number) => {
    // Servers without the tag have the target of every value that has none of its own.
    if (wanted) set.mutate(value ? { ...wanted, targets: { ...wanted.targets, [value.toLowerCase()]: target } } : { ...wanted, otherwise: target }, { onError: (error) => notify.failed('The target was not set', error) });
  };
  const columns: Column<CoverageRow>[] = [
    { id: 'value', header: tag, sort: (row) => row.value, render: (row) => (row.value ? <AppLink strong to={paths.inventory({ tag: `${tag}=${row.value}` })}>{row.value}</AppLink> : 'Without the tag') },
    { id: 'total', header: 'Servers', width: '90px', align: 'end', sort: (row) => row.total, render: (row) => row.total },
    {
      id: 'bar', header: 'Protected', width: '34%', sort: (row) => row.percent,
      render: (row) => (
        <div>
          <div>{row.monitored} of {row.total} · {row.percent} %</div>
          <SplitBar label={`Protected in ${row.value || 'no environment'}`} slices={[{ label: 'protected', value: row.monitored, color: toneColor.good }, { label: 'not protected', value: row.total - row.monitored, color: toneColor.neutral }]} />
        </div>
      ),
    },
    { id: 'target', header: 'Target, %', width: '120px', render: (row) => <SpinButton className={styles.target} aria-label={`Target of ${row.value || 'servers without the tag'}`} min={0} max={100} step={5} value={row.target} onChange={(_, data) => setTarget(row.value, clamp(data.value ?? Number(data.displayValue)))} /> },
    { id: 'met', header: 'Result', width: '180px', sort: (row) => row.percent - row.target, render: (row) => (row.percent >= row.target ? <Status tone="good">On target</Status> : <Status tone="warn">{row.missing} more needed</Status>) },
  ];
  return (
    <SettingsFrame title="Coverage">
      <Card>
        <div className={styles.fields}>
          <Field label="By tag"><Select value={tag} onChange={(_, data) => setTag(data.value)}>{names.map((name) => <option key={name}>{name}</option>)}</Select></Field>
          <p className={styles.faint}>Protected is a server that a plan covers and whose sensor and log collection work; of one that was onboarded directly, its sensor. Targets are kept by the server, for everybody; production begins with 100 %.</p>
        </div>
      </Card>
      <Card flush title="Servers">
        <Loaded query={{ ...machines, error: machines.error ?? targets.error, data: ready ? machines.data : undefined }} what="servers">
          {() => <DataTable label="Coverage" columns={columns} rows={rows} rowKey={(row) => row.value} initialSort={{ id: 'value' }} minWidth={780} empty={<EmptyState title="No servers yet" action={<AppLink to={paths.addServers()}>Add servers</AppLink>} />} />}
        </Loaded>
      </Card>
    </SettingsFrame>
  );
}

function clamp(value: number): number {
  return Number.isFinite(value) ? Math.min(100, Math.max(0, Math.round(value))) : 0;
}
