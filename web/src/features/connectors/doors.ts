/** The ways in: what each is for, how to connect, and which rows are its. */
import type { HourUse } from '@/api/usage';
import { paths } from '@/lib/paths';

/** Tables that the server writes itself; nobody can send to them. */
const ofServer = new Set([
  'AzureActivity', 'Operation', 'SecureScoreControls', 'SecureScores', 'SecurityAlert', 'SecurityIncident', 'SecurityRecommendation', 'SentinelAudit', 'SentinelHealth', 'Usage',
]);

/** Tables that one door fills by itself; what no agent sent to them is counted there. */
const ofSyslog = new Set(['CommonSecurityLog', 'Syslog']);
const ofShippers = new Set(['BeatsLogs_CL', 'Event', 'SecurityEvent', 'WindowsEvent']);
const ofOpenTelemetry = new Set(['OTelLogs_CL']);
const ofDoor = new Set([...ofServer, ...ofSyslog, ...ofShippers, ...ofOpenTelemetry]);

const account: Step = {
  text: 'On the Bartizan server, make an account that may send rows and nothing else. Its appId and password are shown once.',
  code: () => 'bartizan service-principal create --data /var/lib/bartizan --name shipper --role "Monitoring Metrics Publisher"',
};

/** What stands in the lines to copy. */
export interface Place {
  url: string;
  /** The name in it. */
  host: string;
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
    counted: 'Rows that no agent sent, in tables that no other door fills.',
    owns: (use) => !use.ofAgent && !ofDoor.has(use.table),
    steps: [
      account,
      { text: 'Copy ca.pem, the server’s own authority, from pki/ca.pem in the server’s data folder, and get a token, which is good for an hour.', code: ({ url, tenant }) => `URL=${url}\nTOKEN=$(curl --silent --cacert ca.pem "$URL/${tenant}/oauth2/v2.0/token" \\\n    --data grant_type=client_credentials --data "client_id=$APP_ID" --data-urlencode "client_secret=$PASSWORD" \\\n    --data scope=https://monitor.azure.com/.default | jq -r .access_token)` },
      { text: 'A table of your own has to be there before its rows:', link: { to: paths.tables(), text: 'Tables' } },
      { text: 'Send rows. The default rule takes every standard table as Microsoft-<Table> and your own as Custom-<Table>_CL; 204 means: on disk and visible to queries.', code: ({ rule }) => `curl --cacert ca.pem -H "Authorization: Bearer $TOKEN" -H "content-type: application/json" \\\n    "$URL/dataCollectionRules/${rule}/streams/Microsoft-Syslog?api-version=2023-01-01" \\\n    --data '[{"Computer":"fw-01","Facility":"auth","SeverityLevel":"info","SyslogMessage":"hello"}]'` },
    ],
  },
  {
    id: 'syslog',
    title: 'Syslog and CEF',
    summary: 'Network devices and appliances: RFC 5424 and 3164 over UDP, TCP and TLS; CEF inside becomes CommonSecurityLog.',
    counted: 'Rows of Syslog and CommonSecurityLog that no agent sent.',
    owns: (use) => !use.ofAgent && ofSyslog.has(use.table),
    steps: [
      { text: 'The listener is off until the server is started with addresses. UDP and TCP know nobody, so let a firewall say who may speak there.', code: () => 'bartizan serve --data /var/lib/bartizan --syslog-udp 0.0.0.0:514 --syslog-tcp 0.0.0.0:601 --syslog-tls 0.0.0.0:6514' },
      { text: 'Let rsyslog forward over TLS, with a queue on its disk. It needs the package rsyslog-gnutls and ca.pem, the server’s own authority.', code: ({ host }) => `global(defaultNetstreamDriverCAFile="/etc/rsyslog.d/ca.pem")\naction(type="omfwd" target="${host}" port="6514" protocol="tcp" TCP_Framing="octet-counted"\n       template="RSYSLOG_SyslogProtocol23Format" queue.type="LinkedList" queue.filename="bartizan" action.resumeRetryCount="-1"\n       StreamDriver="gtls" StreamDriverMode="1" StreamDriverAuthMode="x509/name" StreamDriverPermittedPeers="${host}")` },
      { text: 'What was malformed, cut or dropped is told per sender:', link: { to: paths.logs({ q: 'Operation\n| where OperationKey startswith "syslog"\n| project TimeGenerated, Detail', range: '24h' }), text: 'Operation in Logs' } },
    ],
  },
  {
    id: 'opentelemetry',
    title: 'OpenTelemetry',
    summary: 'Programs and collectors that speak OTLP: logs over HTTP and gRPC, on the server’s own port.',
    counted: 'Rows of OTelLogs_CL, which is made with the first one.',
    owns: (use) => ofOpenTelemetry.has(use.table),
    steps: [
      account,
      { text: 'The Collector sends with the base64 of appId:password:', code: ({ url }) => `exporters:\n  otlphttp/bartizan:\n    endpoint: ${url}\n    tls: {ca_file: ca.pem}\n    headers: {Authorization: "Basic \${env:BARTIZAN_BASIC}"}` },
      { text: 'Or an SDK, by its environment:', code: ({ url }) => `OTEL_EXPORTER_OTLP_LOGS_ENDPOINT=${url}/v1/logs\nOTEL_EXPORTER_OTLP_CERTIFICATE=ca.pem\nOTEL_EXPORTER_OTLP_HEADERS="Authorization=Basic <base64 of appId:password>"` },
    ],
  },
  {
    id: 'shippers',
    title: 'Beats and Fluent Bit',
    summary: 'Filebeat, Winlogbeat and Fluent Bit as they are: the bulk interface of Elasticsearch. Windows events become SecurityEvent, Event and WindowsEvent.',
    counted: 'Rows of BeatsLogs_CL, SecurityEvent, Event and WindowsEvent that no agent sent.',
    owns: (use) => !use.ofAgent && ofShippers.has(use.table),
    steps: [
      account,
      { text: 'Filebeat and Winlogbeat:', code: ({ url }) => `output.elasticsearch:\n  hosts: ["${url}/elastic"]\n  username: "<appId>"\n  password: "<password>"\n  ssl.certificate_authorities: ["ca.pem"]\nsetup.ilm.enabled: false` },
      { text: 'Fluent Bit:', code: ({ url, host }) => `[OUTPUT]\n    Name        es\n    Match       *\n    Host        ${host}\n    Port        ${new URL(url).port || '443'}\n    Path        /elastic\n    HTTP_User   <appId>\n    HTTP_Passwd <password>\n    tls         On\n    tls.ca_file ca.pem\n    Suppress_Type_Name On` },
      { text: 'A document whose index is called like one of your tables goes there; others go to BeatsLogs_CL.', link: { to: paths.tables(), text: 'Tables' } },
    ],
  },
  {
    id: 'files',
    title: 'Files',
    summary: 'NDJSON, CSV, Parquet and Windows event logs that are there already: from a disk image, an export or another system.',
    counted: 'The Logs Ingestion API’s: files go through that door, and are counted there.',
    owns: () => false,
    steps: [
      { text: 'On the Bartizan server itself, as the account that owns its data:', code: () => 'bartizan ingest --data /var/lib/bartizan --table Syslog old/*.ndjson\nbartizan ingest --data /var/lib/bartizan security.evtx' },
      account,
      { text: 'From elsewhere, as that account. A table of your own has to be there before its rows.', code: ({ url, tenant, rule }) => `export BARTIZAN_CLIENT_SECRET=<password>\nbartizan ingest --url ${url} --ca ca.pem --tenant-id ${tenant} --client-id <appId> --rule ${rule} \\\n    --table DoorLog_CL doors.csv`, link: { to: paths.tables(), text: 'Tables' } },
      { text: 'It may be interrupted and run again: it goes on where it stopped, and stores nothing twice. Rows keep their own time, so look for them there, or by their arrival:', link: { to: paths.logs({ q: 'Syslog\n| where ingestion_time() > ago(1h)\n| summarize count() by bin(TimeGenerated, 1d)', range: 'query' }), text: 'What arrived in Logs' } },
    ],
  },
];
