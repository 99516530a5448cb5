/** The ways in: what each is for, how to connect, and which rows are its. */
import type { HourUse } from '@/api/usage';
import { paths } from '@/lib/paths';

/** Tables that the server writes itself; nobody can send to them. */
const ofServer = new Set([
  'AzureActivity', 'Operation', 'SecureScoreControls', 'SecureScores', 'SecurityAlert', 'SecurityIncident', 'SecurityRecommendation', 'SentinelAudit', 'SentinelHealth', 'Usage',
]);

/** What stands in the lines to copy. */
export interface Place {
  url: string;
  tenant: string;
  /** Immutable id of the rule that takes every table. */
  rule: string;
}

export interface Step {
  text: string;
  code?: (place: Place) => string;
  link?: { to: string; text: string };
}

export interface Door {
  id: string;
  title: string;
  summary: string;
  /** Which rows came through it, as far as the rows tell. */
  counted: string;
  owns: (use: HourUse) => boolean;
  steps: readonly Step[];
}

export const doors: readonly Door[] = [
  {
    id: 'agent',
    title: 'Bartizan agent',
    summary: 'Linux servers: processes, sign-ins, syslog, performance, inventory and heartbeats, with a spool that rides out an outage.',
    counted: 'Rows that carry the machine of the agent that sent them.',
    owns: (use) => use.ofAgent,
    steps: [
      { text: 'Generate a script with a token that expires, and run it on the server as root.', link: { to: paths.addServers(), text: 'Add servers' } },
      { text: 'Or sign the server on by hand, with a token from the Bartizan server:', code: () => 'sudo bartizan onboarding-token --data /var/lib/bartizan' },
      { text: 'Extensions follow by policy as soon as a Defender plan is on. What the server sends is in these rows:', link: { to: paths.logs({ q: 'Heartbeat\n| summarize LastHeartbeat = max(TimeGenerated) by Computer', range: '24h' }), text: 'Heartbeats in Logs' } },
    ],
  },
  {
    id: 'ingestion',
    title: 'Logs Ingestion API',
    summary: 'Any program: JSON over HTTPS, to standard tables and to tables of your own. The clients of Azure Monitor work as they are.',
    counted: 'Rows that no agent sent, in tables that are open to senders.',
    owns: (use) => !use.ofAgent && !ofServer.has(use.table),
    steps: [
      { text: 'On the Bartizan server, make an account that may send rows and nothing else. Its password is shown once.', code: () => 'bartizan service-principal create --data /var/lib/bartizan --name shipper --role "Monitoring Metrics Publisher"' },
      { text: 'Copy ca.pem, the server’s own authority, from pki/ca.pem in the server’s data folder, and get a token, which is good for an hour.', code: ({ url, tenant }) => `URL=${url}\nTOKEN=$(curl --silent --cacert ca.pem "$URL/${tenant}/oauth2/v2.0/token" \\\n    --data grant_type=client_credentials --data "client_id=$APP_ID" --data-urlencode "client_secret=$PASSWORD" \\\n    --data scope=https://monitor.azure.com/.default | jq -r .access_token)` },
      { text: 'A table of your own has to be there before its rows:', link: { to: paths.tables(), text: 'Tables' } },
      { text: 'Send rows. The default rule takes every standard table as Microsoft-<Table> and your own as Custom-<Table>_CL; 204 means: on disk and visible to queries.', code: ({ rule }) => `curl --cacert ca.pem -H "Authorization: Bearer $TOKEN" -H "content-type: application/json" \\\n    "$URL/dataCollectionRules/${rule}/streams/Microsoft-Syslog?api-version=2023-01-01" \\\n    --data '[{"Computer":"fw-01","Facility":"auth","SeverityLevel":"info","SyslogMessage":"hello"}]'` },
    ],
  },
];
