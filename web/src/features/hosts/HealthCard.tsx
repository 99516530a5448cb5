import { makeStyles, tokens } from '@fluentui/react-components';
import { healthOf, isDirect, type HealthState, type Tier, type TierParts } from '@/api/monitoring';
import { useRows } from '@/api/logs';
import type { Machine, MachineExtension } from '@/api/types';
import { kqlString } from '@/lib/kql-text';
import { Card } from '@/ui/Card';
import { Facts } from '@/ui/Facts';
import type { Tone } from '@/ui/palette';
import { Status } from '@/ui/Status';
import { When } from '@/ui/When';

const useStyles = makeStyles({
  message: { margin: 0, lineHeight: tokens.lineHeightBase300 },
  remedy: { margin: 0, padding: '10px 12px', borderRadius: tokens.borderRadiusMedium, backgroundColor: tokens.colorNeutralBackground3, lineHeight: tokens.lineHeightBase300 },
});

const tones: Record<HealthState, Tone> = { Healthy: 'good', 'Installation issue': 'warn', 'Heartbeat issue': 'bad', 'Not applicable': 'neutral' };

/** The country of the address from which the machine was heard, or why there is none. */
function countryText(machine: Machine) {
  const location = machine.properties.agentReport?.location;
  if (!location) return undefined;
  return location.country ? <span title={`By the address ${location.address}`}>{location.country}</span> : `Not known. ${location.reason}`;
}

/** How the agent is, why, and what to do; with its last sign of life. */
export function HealthCard({ machine, extensions, tier, brings }: { machine: Machine; extensions: readonly MachineExtension[]; tier: Tier; brings: TierParts }) {
  const styles = useStyles();
  const heartbeat = useRows('Heartbeat', `Heartbeat\n| where Computer =~ ${kqlString(machine.name)}\n| summarize LastHeartbeat = max(TimeGenerated), Version = take_any(Version) by Computer`, 'P7D').data?.rows[0];
  const { state, message, remedy } = healthOf(machine, extensions, tier, brings);
  return (
    <Card title="Agent health">
      <Status tone={tones[state]}>{state}</Status>
      <p className={styles.message}>{message}</p>
      {remedy && <p className={styles.remedy}><strong>What to do:</strong> {remedy}</p>}
      <Facts facts={[
        ['Last heartbeat', isDirect(machine) ? 'Not collected: the machine has the sensor only' : heartbeat ? <When at={String(heartbeat[1])} /> : 'None in 7 days'],
        ['Status', machine.properties.status],
        ['Status since', machine.properties.lastStatusChange && <When at={machine.properties.lastStatusChange} />],
        ['Country', countryText(machine)],
        ['Agent version', machine.properties.agentVersion],
        ['Tier', tier === 'Free' ? 'Off' : `Plan ${tier.slice(1)}`],
      ]} />
    </Card>
  );
}
