/** Recommendations, assessments, score, plans and policy. */
import { hosts, type Item } from './hosts.ts';
import { ago, machineId, security, subscription, uuid } from './ids.ts';

interface Check {
  key: string;
  title: string;
  severity: string;
  control: string;
  description: string;
  remediation: string;
  unhealthy: string[];
  notApplicable?: string[];
  cause: string;
  techniques?: string[];
}

const checks: readonly Check[] = [
  { key: uuid('updates'), title: 'System updates should be installed on your machines', severity: 'High', control: 'Apply system updates', description: 'Security updates that the distribution has published are not installed yet. Known weaknesses stay open until they are.', remediation: '1. Look at the pending packages below.\n2. On Debian and Ubuntu run `apt-get update && apt-get upgrade`; on Rocky and Red Hat run `dnf upgrade --security`.\n3. Restart the services that still use old libraries.', unhealthy: ['web-02', 'mail-01', 'backup-01', 'cache-01'], cause: '14 security updates are pending', techniques: ['T1203'] },
  { key: uuid('edr'), title: 'EDR solution should be installed on your machines', severity: 'High', control: 'Enable endpoint protection', description: 'A machine without the endpoint sensor raises no detections: what runs on it is not seen.', remediation: '1. Turn on Defender for Servers for the subscription.\n2. Check the extension MDE.Linux on the machine: its message says what prevents it from running.', unhealthy: ['app-02'], cause: 'The extension MDE.Linux failed' },
  { key: uuid('root'), title: 'Root should not be able to sign in by SSH', severity: 'Medium', control: 'Secure management ports', description: 'Sign-ins as root cannot be told apart by person, and root is the first name that attackers try.', remediation: '1. Set `PermitRootLogin no` in the configuration of sshd.\n2. Reload the service: `systemctl reload ssh`.', unhealthy: ['build-01', 'backup-01'], cause: 'PermitRootLogin is yes', techniques: ['T1021.004', 'T1110'] },
  { key: uuid('password'), title: 'Authentication to Linux machines should require SSH keys', severity: 'Medium', control: 'Secure management ports', description: 'Passwords can be guessed. Keys cannot.', remediation: '1. Install the public keys of everyone who needs access.\n2. Set `PasswordAuthentication no` and reload sshd.', unhealthy: ['web-01', 'build-01', 'mail-01'], cause: 'PasswordAuthentication is yes', techniques: ['T1110'] },
  { key: uuid('log'), title: 'Log collection should work on your machines', severity: 'High', control: 'Enable auditing and logging', description: 'Without the log collector there are alerts but no events to investigate them with.', remediation: 'Check the extension AzureMonitorLinuxAgent on the machine.', unhealthy: ['build-01', 'backup-01'], cause: 'No heartbeat in the last 15 minutes' },
  { key: uuid('writable'), title: 'System paths should not be writable by everyone', severity: 'Medium', control: 'Remediate security configurations', description: 'A file in a system path that everyone may change lets any account run code as another.', remediation: 'Remove the permission: `chmod o-w FILE`. The files are listed with the finding.', unhealthy: ['build-01'], cause: '2 files in /usr/local/bin are writable by everyone', techniques: ['T1574'] },
  { key: uuid('firewall'), title: 'A host firewall should be active on your machines', severity: 'Low', control: 'Restrict unauthorized network access', description: 'Every listening port is reachable from the whole network.', remediation: 'Enable nftables, ufw or firewalld with a default of drop.', unhealthy: ['cache-01', 'app-01', 'app-02'], notApplicable: ['build-01'], cause: 'No rule with a default of drop' },
  { key: uuid('vulns'), title: 'Machines should have vulnerability findings resolved', severity: 'High', control: 'Remediate vulnerabilities', description: 'Installed packages have published vulnerabilities with a fix.', remediation: 'Update the packages that the finding names.', unhealthy: ['mail-01', 'backup-01', 'web-02'], cause: '3 critical and 11 high vulnerabilities' },
  { key: uuid('encrypt'), title: 'Disks that hold data should be encrypted', severity: 'Low', control: 'Enable encryption at rest', description: 'Whoever gets hold of the disk can read it.', remediation: 'Move the data to an encrypted volume.', unhealthy: ['db-02'], notApplicable: ['web-01', 'web-02', 'cache-01'], cause: '/var/lib/postgresql is on a plain volume' },
  { key: uuid('boot'), title: 'Machines should be supported by their distribution', severity: 'Medium', control: 'Apply system updates', description: 'A release after its end of life gets no security updates.', remediation: 'Upgrade to a supported release.', unhealthy: ['backup-01'], cause: 'Ubuntu 20.04 LTS has left standard support' },
];

const controls: readonly (readonly [string, number])[] = [
  ['Secure management ports', 8], ['Apply system updates', 6], ['Remediate vulnerabilities', 6], ['Remediate security configurations', 4], ['Enable encryption at rest', 4], ['Restrict unauthorized network access', 4], ['Enable endpoint protection', 2], ['Enable auditing and logging', 1],
];

function metadata(check: Check): Record<string, unknown> {
  return {
    displayName: check.title, description: check.description, remediationDescription: check.remediation, severity: check.severity,
    categories: ['Compute'], userImpact: 'Low', implementationEffort: 'Low', assessmentType: 'BuiltIn', preview: false,
    threats: ['accountBreach', 'dataExfiltration'], techniques: check.techniques ?? [], policyDefinitionId: `/providers/Microsoft.Authorization/policyDefinitions/${uuid(`${check.key}policy`)}`,
  };
}

export const metadataItems: Item[] = checks.map((check) => ({
  id: `/providers/Microsoft.Security/assessmentMetadata/${check.key}`, name: check.key, type: 'Microsoft.Security/assessmentMetadata', properties: metadata(check),
}));

export function assessmentItems(): Item[] {
  return checks.flatMap((check) =>
    hosts.map((host): Item => {
      const code = check.unhealthy.includes(host.name) ? 'Unhealthy' : check.notApplicable?.includes(host.name) ? 'NotApplicable' : 'Healthy';
      return {
        id: `${machineId(host.name)}/providers/Microsoft.Security/assessments/${check.key}`,
        name: check.key,
        type: 'Microsoft.Security/assessments',
        properties: {
          displayName: check.title,
          resourceDetails: { source: 'OnPremise', id: machineId(host.name), machineName: host.name },
          status: {
            code,
            ...(code === 'Unhealthy' ? { cause: 'OffByPolicy', description: check.cause } : {}),
            ...(code === 'NotApplicable' ? { cause: 'Exempt', description: 'The check does not apply to this role of server' } : {}),
            firstEvaluationDate: ago(60 * 24 * 6),
            statusChangeDate: ago(60 * 7),
          },
          metadata: metadata(check),
        },
      };
    }),
  );
}

export function controlItems(): Item[] {
  return controls.map(([title, max]) => {
    const members = checks.filter((check) => check.control === title);
    const unhealthy = new Set(members.flatMap((check) => check.unhealthy)).size;
    const not = hosts.filter((host) => members.every((check) => check.notApplicable?.includes(host.name))).length;
    const healthy = hosts.length - unhealthy - not;
    const current = (max * healthy) / (healthy + unhealthy);
    const key = uuid(title);
    return {
      id: `${security}/secureScores/ascScore/secureScoreControls/${key}`, name: key, type: 'Microsoft.Security/secureScores/secureScoreControls',
      properties: {
        displayName: title, healthyResourceCount: healthy, unhealthyResourceCount: unhealthy, notApplicableResourceCount: not, weight: healthy + unhealthy,
        score: { max, current: Number(current.toFixed(2)), percentage: Number((current / max).toFixed(4)) },
        definition: { properties: { maxScore: max, displayName: title, assessmentDefinitions: members.map((check) => ({ id: `/providers/Microsoft.Security/assessmentMetadata/${check.key}` })) } },
      },
    };
  });
}

export function scoreItem(): Item {
  const scores = controlItems().map((control) => control.properties['score'] as { max: number; current: number });
  const max = scores.reduce((sum, score) => sum + score.max, 0);
  const current = scores.reduce((sum, score) => sum + score.current, 0);
  return {
    id: `${security}/secureScores/ascScore`, name: 'ascScore', type: 'Microsoft.Security/secureScores',
    properties: { displayName: 'ASC score', weight: hosts.length, score: { max, current: Number(current.toFixed(2)), percentage: Number((current / max).toFixed(4)) } },
  };
}

export const policies = [
  { name: 'deploy-mde-linux', title: 'Deploy the endpoint sensor on Linux servers', extension: 'MDE.Linux' },
  { name: 'deploy-ama-linux', title: 'Deploy log collection on Linux servers', extension: 'AzureMonitorLinuxAgent' },
  { name: 'deploy-inventory-linux', title: 'Deploy inventory on Linux servers', extension: 'ChangeTracking-Linux' },
];

export function assignmentItems(): Item[] {
  return policies.map((policy) => ({
    id: `${subscription}/providers/Microsoft.Authorization/policyAssignments/${policy.name}`, name: policy.name, type: 'Microsoft.Authorization/policyAssignments',
    properties: { displayName: policy.title, description: 'Made by the Defender for Servers plan.', scope: subscription, enforcementMode: 'Default', policyDefinitionId: `/providers/Microsoft.Authorization/policyDefinitions/${uuid(policy.name)}` },
  }));
}
