import { makeStyles, tokens } from '@fluentui/react-components';
import { ServerRegular } from '@fluentui/react-icons/svg/server';
import type { UseQueryResult } from '@tanstack/react-query';
import { isConnected, monitoringOf } from '@/api/monitoring';
import type { Machine, MachineExtension } from '@/api/types';
import { paths } from '@/lib/paths';
import { AppLink } from '@/ui/AppLink';
import { Card } from '@/ui/Card';
import { toneColor } from '@/ui/palette';
import { SplitBar } from '@/ui/SplitBar';
import { EmptyState, Loaded } from '@/ui/states';
import { Status } from '@/ui/Status';

const useStyles = makeStyles({
  list: { listStyle: 'none', margin: 0, padding: 0, display: 'flex', flexDirection: 'column', gap: '12px' },
  item: { display: 'flex', flexDirection: 'column', gap: '2px', minWidth: 0 },
  reason: { color: tokens.colorNeutralForeground3, fontSize: tokens.fontSizeBase200, paddingLeft: '22px' },
  legend: { display: 'flex', columnGap: '14px', rowGap: '6px', flexWrap: 'wrap', fontSize: tokens.fontSizeBase200 },
});

interface MachineHealthCardProps {
  machines: UseQueryResult<Machine[]>;
  extensions: Map<string, MachineExtension[]>;
}

export function MachineHealthCard({ machines, extensions }: MachineHealthCardProps) {
  const styles = useStyles();
  return (
    <Card title="Machine health" action={<AppLink to={paths.inventory()}>Inventory</AppLink>}>
      <Loaded query={machines} what="servers" rows={5}>
        {(all) => {
          if (all.length === 0) {
            return (
              <EmptyState icon={<ServerRegular />} title="No servers yet" action={<AppLink to={paths.addServers()}>Add servers</AppLink>}>
                Run one script on a machine and it appears here.
              </EmptyState>
            );
          }
          const states = all.map((machine) => ({ machine, ...monitoringOf(machine, extensions.get(machine.id.toLowerCase()) ?? []) }));
          const down = states.filter((state) => !isConnected(state.machine));
          const ill = states.filter((state) => isConnected(state.machine) && !state.monitored);
          const well = states.length - down.length - ill.length;
          const slices = [
            { label: 'healthy', value: well, color: toneColor.good },
            { label: 'with issues', value: ill.length, color: toneColor.warn },
            { label: 'offline', value: down.length, color: toneColor.bad },
          ];
          return (
            <>
              <SplitBar slices={slices} label="Servers by health" />
              <div className={styles.legend}>
                <Status tone="good">{well} healthy</Status>
                <Status tone="warn">{ill.length} with issues</Status>
                <Status tone="bad">{down.length} offline</Status>
              </div>
              <ul className={styles.list}>
                {[...down, ...ill].slice(0, 4).map(({ machine, reasons }) => (
                  <li key={machine.id} className={styles.item}>
                    <Status tone={isConnected(machine) ? 'warn' : 'bad'}><AppLink to={paths.machine(machine.id)}>{machine.name}</AppLink></Status>
                    <span className={styles.reason}>{reasons.slice(0, 2).join(' · ')}</span>
                  </li>
                ))}
              </ul>
            </>
          );
        }}
      </Loaded>
    </Card>
  );
}
