/**
 * Whether a machine is watched. Two agents have two jobs: the sensor raises detections and the monitor
 * ships logs, and either can fail alone, so the answer keeps them apart and names what is missing.
 */
import type { Machine, MachineExtension, PlanFeature, Pricing } from './types';

export type Part = 'sensor' | 'monitor' | 'inventory';

const parts: readonly { part: Part; type: RegExp; label: string }[] = [
  { part: 'sensor', type: /^MDE\./i, label: 'Endpoint sensor' },
  { part: 'monitor', type: /^AzureMonitor(Linux|Windows)Agent$/i, label: 'Log collection' },
  { part: 'inventory', type: /^ChangeTracking-/i, label: 'Inventory' },
];

export interface Monitoring {
  monitored: boolean;
  /** Why not, most basic first. Empty when monitored. */
  reasons: string[];
}

export function monitoringOf(machine: Machine, extensions: readonly MachineExtension[]): Monitoring {
  const reasons: string[] = [];
  if (!isConnected(machine)) reasons.push(`The agent is ${(machine.properties.status ?? 'unknown').toLowerCase()}`);
  for (const { part, label } of parts) {
    if (part === 'inventory' || (part !== 'sensor' && isDirect(machine))) continue;
    const extension = extensionFor(part, extensions);
    const state = extension?.properties.provisioningState;
    if (!extension) reasons.push(`${label} is not installed`);
    else if (state !== 'Succeeded') reasons.push(`${label}: ${(state ?? 'unknown').toLowerCase()}`);
  }
  return { monitored: reasons.length === 0, reasons };
}

export function extensionFor(
  part: Part,
  extensions: readonly MachineExtension[],
): MachineExtension | undefined {
  const type = parts.find((entry) => entry.part === part)?.type;
  return extensions.find((extension) => type?.test(extension.properties.type ?? extension.name));
}

/** What an extension does, in the portal's words. */
export function extensionLabel(extension: MachineExtension): string {
  return parts.find((entry) => entry.type.test(extension.properties.type ?? extension.name))?.label ?? extension.name;
}

export function isConnected(machine: Machine): boolean {
  return machine.properties.status === 'Connected';
}

/** Onboarded directly: the machine has the sensor and nothing else, by its plan at the designated subscription. */
export function isDirect(machine: Machine): boolean {
  return machine.properties.onboarding === 'Direct';
}

/** What a tier brings to this machine. */
function brought(machine: Machine, parts: readonly Part[]): readonly Part[] {
  return isDirect(machine) ? parts.filter((part) => part === 'sensor') : parts;
}

/** Whether a plan protects a machine: all that the plan brings works, a part of it, or nothing is asked for. */
export type Protection = 'On' | 'Partial' | 'Off';
/** Monitored and not monitored are covered by a plan; unmonitored machines are not, or have no agent at all. */
export type MonitoringState = 'Monitored' | 'Not monitored' | 'Unmonitored';
export type Tier = 'Free' | 'P1' | 'P2';

/** What each tier brings to a machine. */
export type TierParts = Readonly<Record<Tier, readonly Part[]>>;

/** The same, by the list of features that the server goes by (content/plans/features.yaml). */
export function tierPartsOf(features: readonly PlanFeature[]): TierParts {
  const here = features.filter((feature) => feature.properties.state !== 'NotAvailable');
  const of = (tier: 'P1' | 'P2') => parts.filter(({ type }) => here.some(({ properties }) => properties.plans.includes(tier) && properties.extension !== null && type.test(properties.extension))).map(({ part }) => part);
  return { Free: [], P1: of('P1'), P2: of('P2') };
}

/** The tier of a plan; `Standard` without a sub-plan is P2. */
export function tierOf(plan: Pricing | undefined): Tier {
  if (plan?.properties.pricingTier !== 'Standard') return 'Free';
  return plan.properties.subPlan === 'P1' ? 'P1' : 'P2';
}

export interface Cover {
  protection: Protection;
  monitoring: MonitoringState;
  /** Why not all is well, most basic first. */
  reasons: string[];
}

export function coverOf(machine: Machine, extensions: readonly MachineExtension[], tier: Tier, brings: TierParts): Cover {
  const { monitored, reasons } = monitoringOf(machine, extensions);
  if (hasNoAgent(machine)) return { protection: 'Off', monitoring: 'Unmonitored', reasons: ['There is no agent on it'] };
  if (tier === 'Free') return { protection: 'Off', monitoring: 'Unmonitored', reasons: ['No Defender plan covers it', ...reasons] };
  const whole = brought(machine, brings[tier]).every((part) => extensionFor(part, extensions)?.properties.provisioningState === 'Succeeded');
  return { protection: whole && isConnected(machine) ? 'On' : 'Partial', monitoring: monitored ? 'Monitored' : 'Not monitored', reasons };
}

/** Machines that were found and not connected. */
export function hasNoAgent(machine: Machine): boolean {
  return machine.properties.status === 'Unmonitored';
}

export type HealthState = 'Healthy' | 'Installation issue' | 'Heartbeat issue' | 'Not applicable';

export interface AgentHealth {
  state: HealthState;
  message: string;
  remedy: string;
}

/** The agent's health in the four states that people know, with what to do. */
export function healthOf(machine: Machine, extensions: readonly MachineExtension[], tier: Tier, brings: TierParts): AgentHealth {
  if (hasNoAgent(machine)) return { state: 'Not applicable', message: 'The machine was found on the network and has no agent.', remedy: 'Run the onboarding script on it.' };
  if (!isConnected(machine)) {
    const { status, errorDetails } = machine.properties;
    const detail = errorDetails?.map((entry) => entry.message).filter(Boolean).join(' ');
    return {
      state: 'Heartbeat issue',
      message: detail || `The agent is ${(status ?? 'unknown').toLowerCase()}: the server hears nothing of it.`,
      remedy: 'See that the machine is on, that `systemctl status bartizan-agent` says active, and that it reaches this server by HTTPS, directly or by its proxy.',
    };
  }
  if (tier === 'Free') return { state: 'Not applicable', message: 'The agent is connected; no Defender plan covers the machine.', remedy: 'Turn on Defender for Servers.' };
  for (const part of brought(machine, brings[tier])) {
    const extension = extensionFor(part, extensions);
    const label = parts.find((entry) => entry.part === part)?.label ?? part;
    if (!extension) return { state: 'Installation issue', message: `${label} is not installed.`, remedy: 'Diagnose names the check that fails: a switch that is off, a policy that denies extensions, or a system that is not supported.' };
    const { provisioningState: state, instanceView } = extension.properties;
    if (state !== 'Succeeded') return { state: 'Installation issue', message: `${label}: ${instanceView?.status?.message ?? (state ?? 'unknown').toLowerCase()}`, remedy: state === 'Failed' ? 'The message says what prevents it; it is tried again when that is gone.' : 'It is under way. Nothing to do unless it stays so for minutes.' };
  }
  return { state: 'Healthy', message: 'Connected, and everything that the plan brings works.', remedy: '' };
}
