/**
 * Whether a machine is watched. Two agents have two jobs: the sensor raises detections and the monitor
 * ships logs, and either can fail alone, so the answer keeps them apart and names what is missing.
 */
import type { Machine, MachineExtension } from './types';

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
    if (part === 'inventory') continue;
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
