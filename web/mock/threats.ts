/** Alerts, incidents, rules. */
import type { Item } from './hosts.ts';
import { ago, machineId, security, sentinel, subscriptionId, uuid } from './ids.ts';

interface Story {
  title: string;
  description: string;
  severity: string;
  host: string;
  minutes: number;
  rule: string;
  tactics: string[];
  techniques: string[];
  status?: string;
  owner?: string;
  entities: { kind: string; name: string; details: Record<string, unknown> }[];
  steps: string[];
  evidence: Record<string, unknown>[];
  alerts?: number;
}

export const owner = 'owner';

const stories: readonly Story[] = [
  {
    title: 'Many failed SSH sign-ins followed by a success', description: 'One address failed to sign in 41 times on web-01 and then succeeded as deploy.', severity: 'High', host: 'web-01', minutes: 12, rule: 'ssh-guess-success', tactics: ['CredentialAccess', 'InitialAccess'], techniques: ['T1110.001'], alerts: 2,
    entities: [{ kind: 'Ip', name: '203.0.113.77', details: { address: '203.0.113.77' } }, { kind: 'Account', name: 'deploy', details: { accountName: 'deploy' } }, { kind: 'Host', name: 'web-01', details: { hostName: 'web-01', osFamily: 'Linux' } }],
    steps: ['Ask whoever owns the account whether the sign-in was theirs.', 'End the session and change the credentials if it was not.', 'Block the address and turn off passwords for SSH.'],
    evidence: Array.from({ length: 6 }, (_, at) => ({ TimeGenerated: ago(14 - at * 0.3), Computer: 'web-01', ProcessName: 'sshd', SyslogMessage: at === 5 ? 'Accepted password for deploy from 203.0.113.77 port 50122 ssh2' : `Failed password for deploy from 203.0.113.77 port ${50110 + at} ssh2` })),
  },
  {
    title: 'A program ran from memory only', description: 'app-01 ran a program from an anonymous memory file. Nothing was written to disk.', severity: 'High', host: 'app-01', minutes: 47, rule: 'memfd-exec', tactics: ['DefenseEvasion', 'Execution'], techniques: ['T1620'], status: 'Active', owner,
    entities: [{ kind: 'Host', name: 'app-01', details: { hostName: 'app-01', osFamily: 'Linux' } }, { kind: 'Process', name: '/memfd:a (deleted)', details: { processId: '48211', commandLine: 'kworker/u8:3' } }, { kind: 'Account', name: 'www-data', details: { accountName: 'www-data' } }],
    steps: ['Look at the parent process: what started it?', 'Isolate the server if you cannot explain it.'],
    evidence: [{ TimeGenerated: ago(47), DeviceName: 'app-01', FileName: 'memfd:a', ProcessCommandLine: 'kworker/u8:3', InitiatingProcessFileName: 'python3', AccountName: 'www-data' }],
  },
  {
    title: 'A web server started a shell', description: 'nginx worker on web-02 started /bin/sh.', severity: 'Medium', host: 'web-02', minutes: 190, rule: 'web-shell', tactics: ['Persistence', 'Execution'], techniques: ['T1505.003'],
    entities: [{ kind: 'Host', name: 'web-02', details: { hostName: 'web-02' } }, { kind: 'Process', name: '/bin/sh', details: { processId: '9120', commandLine: 'sh -c id' } }],
    steps: ['Find the request that caused it in the access log.'], evidence: [{ TimeGenerated: ago(190), DeviceName: 'web-02', FileName: 'sh', ProcessCommandLine: 'sh -c id', InitiatingProcessFileName: 'nginx', AccountName: 'www-data' }],
  },
  {
    title: 'A new service was installed', description: 'A systemd unit appeared on build-01 outside of a package.', severity: 'Low', host: 'build-01', minutes: 60 * 9, rule: 'new-unit', tactics: ['Persistence'], techniques: ['T1543.002'],
    entities: [{ kind: 'Host', name: 'build-01', details: { hostName: 'build-01' } }, { kind: 'File', name: '/etc/systemd/system/runner@.service', details: { directory: '/etc/systemd/system', name: 'runner@.service' } }],
    steps: ['Check with the owner of the server.'], evidence: [{ TimeGenerated: ago(540), DeviceName: 'build-01', FolderPath: '/etc/systemd/system/runner@.service', InitiatingProcessFileName: 'bash' }],
  },
  {
    title: 'A cron entry was added by an interactive user', description: 'An entry in the table of root was changed on mail-01.', severity: 'Informational', host: 'mail-01', minutes: 60 * 26, rule: 'new-cron', tactics: ['Persistence'], techniques: ['T1053.003'], status: 'Closed', owner,
    entities: [{ kind: 'Host', name: 'mail-01', details: { hostName: 'mail-01' } }], steps: ['Compare the entry with the change log.'], evidence: [{ TimeGenerated: ago(1560), DeviceName: 'mail-01', FolderPath: '/var/spool/cron/crontabs/root' }],
  },
];

export const alertItems: Item[] = stories.flatMap((story) =>
  Array.from({ length: story.alerts ?? 1 }, (_, at): Item => {
    const name = uuid(`alert${story.rule}${at}`);
    return {
      id: `${security}/locations/local/alerts/${name}`, name, type: 'Microsoft.Security/Locations/alerts',
      properties: {
        alertType: story.rule, systemAlertId: name, alertDisplayName: at === 0 ? story.title : 'Failed SSH sign-ins from one address', description: story.description, severity: at === 0 ? story.severity : 'Medium', intent: story.tactics.join(','),
        status: story.status === 'Closed' ? 'Resolved' : 'Active', startTimeUtc: ago(story.minutes + 2), endTimeUtc: ago(story.minutes), timeGeneratedUtc: ago(story.minutes), productName: 'Bartizan', productComponentName: 'Servers',
        compromisedEntity: story.host, remediationSteps: story.steps, resourceIdentifiers: [{ type: 'AzureResource', azureResourceId: machineId(story.host) }],
        entities: story.entities.map((entity) => ({ type: entity.kind.toLowerCase(), ...entity.details })), extendedProperties: { 'Analytic rule': story.rule }, techniques: story.techniques,
      },
    };
  }),
);

export const incidentItems: Item[] = stories.map((story, at) => {
  const name = uuid(`incident${story.rule}`);
  const status = story.status ?? 'New';
  return {
    id: `${sentinel}/incidents/${name}`, name, type: 'Microsoft.SecurityInsights/Incidents', etag: `"${uuid(`etag${story.rule}`)}"`,
    properties: {
      title: story.title, description: story.description, severity: story.severity, status, incidentNumber: stories.length - at, labels: [],
      ...(status === 'Closed' ? { classification: 'BenignPositive', classificationReason: 'SuspiciousButExpected', classificationComment: 'Planned change.' } : {}),
      owner: story.owner ? { assignedTo: story.owner, objectId: uuid('owner') } : { assignedTo: null, objectId: null },
      createdTimeUtc: ago(story.minutes), lastModifiedTimeUtc: ago(story.minutes - 1), firstActivityTimeUtc: ago(story.minutes + 4), lastActivityTimeUtc: ago(story.minutes),
      relatedAnalyticRuleIds: [`${sentinel}/alertRules/${uuid(story.rule)}`],
      additionalData: { alertsCount: story.alerts ?? 1, bookmarksCount: 0, commentsCount: 0, alertProductNames: ['Bartizan'], tactics: story.tactics },
    },
  };
});

export function incidentAlerts(name: string): Item[] {
  const at = incidentItems.findIndex((incident) => incident.name === name);
  const story = stories[at];
  if (!story) return [];
  return Array.from({ length: story.alerts ?? 1 }, (_, n): Item => {
    const id = uuid(`alert${story.rule}${n}`);
    return {
      id: `${sentinel}/Entities/${id}`, name: id, type: 'Microsoft.SecurityInsights/Entities', kind: 'SecurityAlert',
      properties: {
        systemAlertId: id, alertDisplayName: n === 0 ? story.title : 'Failed SSH sign-ins from one address', description: story.description, severity: n === 0 ? story.severity : 'Medium', status: 'New', productName: 'Bartizan', compromisedEntity: story.host,
        startTimeUtc: ago(story.minutes + 2 + n), endTimeUtc: ago(story.minutes + n), timeGenerated: ago(story.minutes + n), tactics: story.tactics, remediationSteps: story.steps,
        additionalData: { Query: 'Syslog\n| where SyslogMessage has "Failed password"', 'Query Start Time UTC': ago(story.minutes + 60), 'Query End Time UTC': ago(story.minutes), Events: JSON.stringify(story.evidence) },
      },
    };
  });
}

export function incidentEntities(name: string): Item[] {
  const story = stories[incidentItems.findIndex((incident) => incident.name === name)];
  return (story?.entities ?? []).map((entity) => {
    const id = uuid(`${entity.kind}${entity.name}`);
    return { id: `${sentinel}/Entities/${id}`, name: id, type: 'Microsoft.SecurityInsights/Entities', kind: entity.kind, properties: { friendlyName: entity.name, ...entity.details } };
  });
}

const rules: readonly [string, string, string, string, string[], string?][] = [
  ['ssh-guess-success', 'Many failed SSH sign-ins followed by a success', 'High', 'NRT', ['CredentialAccess', 'InitialAccess']],
  ['memfd-exec', 'A program ran from memory only', 'High', 'NRT', ['DefenseEvasion', 'Execution']],
  ['web-shell', 'A web server started a shell', 'Medium', 'NRT', ['Persistence', 'Execution']],
  ['win-failed', 'Failed Windows sign-ins by address', 'Medium', 'Scheduled', ['CredentialAccess']],
  ['new-unit', 'A new service was installed', 'Low', 'Scheduled', ['Persistence']],
  ['new-cron', 'A cron entry was added by an interactive user', 'Informational', 'Scheduled', ['Persistence']],
  ['dns-tunnel', 'Unusually long DNS names from one server', 'Medium', 'Scheduled', ['CommandAndControl'], 'The table DnsEvents has no rows in the last 14 days.'],
];

export const ruleItems: Item[] = rules.map(([name, title, severity, kind, tactics, error]) => ({
  id: `${sentinel}/alertRules/${uuid(name)}`, name: uuid(name), type: 'Microsoft.SecurityInsights/alertRules', kind, etag: `"${uuid(`${name}etag`)}"`,
  properties: {
    displayName: title, description: `Looks for: ${title.toLowerCase()}.`, severity, enabled: name !== 'dns-tunnel', tactics, query: 'Syslog\n| where SyslogMessage has "Failed password"\n| summarize count() by Computer',
    ...(kind === 'Scheduled' ? { queryFrequency: 'PT5M', queryPeriod: 'PT1H', triggerOperator: 'GreaterThan', triggerThreshold: 0 } : {}),
    lastModifiedUtc: ago(60 * 24 * 3), health: { status: error ? 'Failed' : 'Healthy', message: error ?? '', since: ago(kind === 'NRT' ? 0.3 : 4) },
  },
}));

export const session = {
  name: 'owner', objectId: uuid('owner'), tenantId: '6f1c2f0e-52a7-4b4f-9a35-0c6a1a4f3b10', subscriptionId, subscriptionName: 'Bartizan', resourceGroup: 'bartizan',
};
