/** Servers and their extensions. */
import { ago, machineId, uuid } from './ids.ts';

export interface Item {
  id: string;
  name: string;
  type: string;
  etag?: string;
  kind?: string;
  location?: string;
  tags?: Record<string, string>;
  properties: Record<string, unknown>;
}

interface Host {
  name: string;
  os: string;
  kernel: string;
  ip: string;
  status?: 'Connected' | 'Disconnected' | 'Error';
  env: string;
  cores: number;
  memoryGb: number;
  /** Extension that has trouble, and how. */
  trouble?: { name: string; state: string; message: string };
  missing?: string[];
}

export const hosts: readonly Host[] = [
  { name: 'web-01', os: 'Debian GNU/Linux 12 (bookworm)', kernel: '6.1.0-28-amd64', ip: '10.20.1.11', env: 'production', cores: 4, memoryGb: 8 },
  { name: 'web-02', os: 'Debian GNU/Linux 12 (bookworm)', kernel: '6.1.0-28-amd64', ip: '10.20.1.12', env: 'production', cores: 4, memoryGb: 8 },
  { name: 'app-01', os: 'Ubuntu 24.04.1 LTS', kernel: '6.8.0-49-generic', ip: '10.20.2.21', env: 'production', cores: 8, memoryGb: 32 },
  { name: 'app-02', os: 'Ubuntu 24.04.1 LTS', kernel: '6.8.0-49-generic', ip: '10.20.2.22', env: 'production', cores: 8, memoryGb: 32, trouble: { name: 'MDE.Linux', state: 'Failed', message: 'The kernel refuses to load the sensor program: BPF is locked down. The sensor will use the audit subsystem after the lockdown mode is set to integrity.' } },
  { name: 'db-01', os: 'Rocky Linux 9.4 (Blue Onyx)', kernel: '5.14.0-427.el9.x86_64', ip: '10.20.3.31', env: 'production', cores: 16, memoryGb: 128 },
  { name: 'db-02', os: 'Rocky Linux 9.4 (Blue Onyx)', kernel: '5.14.0-427.el9.x86_64', ip: '10.20.3.32', env: 'production', cores: 16, memoryGb: 128 },
  { name: 'cache-01', os: 'Debian GNU/Linux 12 (bookworm)', kernel: '6.1.0-26-amd64', ip: '10.20.2.41', env: 'production', cores: 2, memoryGb: 16 },
  { name: 'build-01', os: 'Ubuntu 22.04.5 LTS', kernel: '5.15.0-125-generic', ip: '10.20.8.10', env: 'development', cores: 32, memoryGb: 64, missing: ['AzureMonitorLinuxAgent'] },
  { name: 'mail-01', os: 'Debian GNU/Linux 11 (bullseye)', kernel: '5.10.0-33-amd64', ip: '10.20.4.5', env: 'production', cores: 2, memoryGb: 4 },
  { name: 'backup-01', os: 'Ubuntu 20.04.6 LTS', kernel: '5.4.0-200-generic', ip: '10.20.9.2', env: 'operations', cores: 4, memoryGb: 8, status: 'Disconnected' },
];

const extensionKinds = [
  { name: 'MDE.Linux', publisher: 'Microsoft.Azure.AzureDefenderForServers', message: 'Watching processes by kernel tracepoints. No events lost.' },
  { name: 'AzureMonitorLinuxAgent', publisher: 'Microsoft.Azure.Monitor', message: 'Collecting syslog, heartbeat and counters. Spool is empty.' },
  { name: 'ChangeTracking-Linux', publisher: 'Microsoft.Azure.ChangeTrackingAndInventory', message: 'Inventory is up to date.' },
];

export function machineItem(host: Host, at: number): Item {
  const connected = (host.status ?? 'Connected') === 'Connected';
  return {
    id: machineId(host.name),
    name: host.name,
    type: 'Microsoft.HybridCompute/machines',
    location: 'local',
    tags: { environment: host.env },
    properties: {
      provisioningState: 'Succeeded',
      status: host.status ?? 'Connected',
      lastStatusChange: connected ? ago(60 * 24 * (at + 2)) : ago(215),
      vmId: uuid(host.name),
      displayName: host.name,
      machineFqdn: `${host.name}.example.internal`,
      agentVersion: host.name === 'mail-01' ? '0.0.9' : '0.1.0',
      osName: host.os,
      osType: 'linux',
      osSku: host.os.split(' ')[0]?.toLowerCase(),
      osVersion: /\d+(\.\d+)?/.exec(host.os)?.[0],
      detectedProperties: {
        kernel: host.kernel,
        logicalCoreCount: String(host.cores),
        totalPhysicalMemoryInGigabytes: String(host.memoryGb),
        manufacturer: 'QEMU',
        model: 'Standard PC (Q35 + ICH9, 2009)',
        cloudprovider: 'N/A',
      },
      networkProfile: { networkInterfaces: [{ ipAddresses: [{ address: host.ip, ipAddressVersion: 'IPv4' }] }] },
      errorDetails: [],
      agentReport: { location: at % 2 ? { address: '131.111.8.46', country: 'United Kingdom', countryCode: 'GB', reason: null } : { address: host.ip, country: null, countryCode: null, reason: 'The machine is heard from a private address, and has no public one of its own.' } },
    },
  };
}

export function extensionItems(host: Host): Item[] {
  return extensionKinds.filter((kind) => !host.missing?.includes(kind.name)).map((kind) => extensionItem(host, kind.name));
}

export function extensionItem(host: Host, name: string, state = 'Succeeded'): Item {
  const kind = extensionKinds.find((entry) => entry.name === name);
  const trouble = host.trouble?.name === name ? host.trouble : undefined;
  const now = trouble?.state ?? state;
  return {
    id: `${machineId(host.name)}/extensions/${name}`,
    name,
    type: 'Microsoft.HybridCompute/machines/extensions',
    location: 'local',
    properties: {
      publisher: kind?.publisher,
      type: name,
      typeHandlerVersion: '0.1.0',
      enableAutomaticUpgrade: true,
      provisioningState: now,
      instanceView: {
        name,
        type: name,
        typeHandlerVersion: '0.1.0',
        status: {
          code: now === 'Succeeded' ? 'success' : 'error',
          level: now === 'Failed' ? 'Error' : 'Information',
          displayStatus: now === 'Succeeded' ? 'Ready' : now,
          message: trouble?.message ?? (now === 'Succeeded' ? kind?.message : 'The agent is installing the extension.'),
          time: ago(3),
        },
        substatuses: ['prerequisites', 'package', 'onboarding', 'engine', 'updates'].map((step, at) => {
          const state = now === 'Succeeded' || at < 3 ? 'succeeded' : at === 3 && now === 'Failed' ? 'failed' : 'waiting';
          return { code: `ComponentStatus/${step}/${state}`, level: state === 'failed' ? 'Error' : 'Info', displayStatus: state, message: state === 'failed' ? (trouble?.message ?? '') : '', time: ago(3) };
        }),
      },
    },
  };
}
