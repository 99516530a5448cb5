/** Stands in for the query engine: canned rows by the first table named, with `take`, `count` and `render`. */
import { activityTable } from './activity.ts';
import { hosts } from './hosts.ts';
import { ago } from './ids.ts';

type Row = unknown[];
interface Table {
  columns: [string, string][];
  row: (at: number) => Row;
  count: number;
}

const connected = hosts.filter((host) => host.status !== 'Disconnected');
const pick = <T>(list: readonly T[], at: number): T => list[at % list.length] as T;
const programs = ['nginx', 'sshd', 'cron', 'systemd', 'bash', 'python3', 'apt-get', 'node', 'postgres', 'dpkg'];

const tables: Record<string, Table> = {
  Heartbeat: {
    columns: [['TimeGenerated', 'datetime'], ['Computer', 'string'], ['OSType', 'string'], ['Version', 'string'], ['ComputerIP', 'string'], ['ResourceGroup', 'string']], count: 540,
    row: (at) => [ago(Math.floor(at / connected.length) + (at % 7) * 0.1), pick(connected, at).name, 'Linux', '0.1.0', pick(connected, at).ip, 'bartizan'],
  },
  Syslog: {
    columns: [['TimeGenerated', 'datetime'], ['Computer', 'string'], ['Facility', 'string'], ['SeverityLevel', 'string'], ['ProcessName', 'string'], ['ProcessID', 'int'], ['SyslogMessage', 'string']], count: 60_000,
    row: (at) => {
      const failed = at % 5 === 0;
      return [ago(at * 0.02), pick(hosts, at * 7).name, failed ? 'auth' : 'daemon', failed ? 'info' : pick(['info', 'notice', 'warning', 'info'], at), failed ? 'sshd' : pick(programs, at), 1000 + (at % 4096), failed ? `Failed password for ${pick(['root', 'admin', 'deploy', 'git'], at / 5)} from 203.0.113.${at % 250} port ${40_000 + (at % 20_000)} ssh2` : `${pick(['Started', 'Finished', 'Reloaded', 'Rotating logs for'], at)} ${pick(programs, at)}.service, unit ${at}`];
    },
  },
  DeviceProcessEvents: {
    columns: [['TimeGenerated', 'datetime'], ['DeviceName', 'string'], ['AccountName', 'string'], ['FileName', 'string'], ['ProcessId', 'long'], ['ProcessCommandLine', 'string'], ['InitiatingProcessFileName', 'string'], ['SHA256', 'string'], ['AdditionalFields', 'dynamic']], count: 4000,
    row: (at) => [ago(at * 0.05), pick(hosts, at).name, pick(['root', 'www-data', 'postgres', 'deploy'], at), pick(programs, at * 3), 2000 + at, `/usr/bin/${pick(programs, at * 3)} --config /etc/${pick(programs, at * 3)}.conf`, pick(['systemd', 'sshd', 'bash'], at), 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'.split('').sort(() => 0).join(''), JSON.stringify({ tier: 'ebpf', cgroup: `/system.slice/${pick(programs, at)}.service`, capabilities: ['CAP_NET_BIND_SERVICE'] })],
  },
  Perf: {
    columns: [['TimeGenerated', 'datetime'], ['Computer', 'string'], ['ObjectName', 'string'], ['CounterName', 'string'], ['CounterValue', 'real']], count: 2000,
    row: (at) => [ago(at * 0.6), pick(hosts, at).name, 'Processor', '% Processor Time', Number((20 + 15 * Math.sin(at / 40) + (at % 9)).toFixed(2))],
  },
  SecurityAlert: {
    columns: [['TimeGenerated', 'datetime'], ['AlertName', 'string'], ['AlertSeverity', 'string'], ['CompromisedEntity', 'string']], count: 6,
    row: (at) => [ago(at * 60), pick(['A program ran from memory only', 'A web server started a shell'], at), pick(['High', 'Medium', 'Low'], at), pick(hosts, at).name],
  },
  ConfigurationData: {
    columns: [['TimeGenerated', 'datetime'], ['Computer', 'string'], ['ConfigDataType', 'string'], ['SoftwareName', 'string'], ['CurrentVersion', 'string'], ['Publisher', 'string']], count: 900,
    row: (at) => [ago(at), pick(hosts, at).name, 'Software', pick(['openssl', 'openssh-server', 'nginx', 'curl', 'bash', 'sudo'], at), `${1 + (at % 3)}.${at % 20}.${at % 7}`, 'Debian'],
  },
  SecureScores: { columns: [['TimeGenerated', 'datetime'], ['PercentageScore', 'real']], count: 1, row: () => [ago(60 * 24 * 6), 0.55] },
  SecurityEvent: {
    columns: [['TimeGenerated', 'datetime'], ['Computer', 'string'], ['EventID', 'int'], ['Activity', 'string'], ['Account', 'string'], ['IpAddress', 'string']], count: 0, row: () => [],
  },
};

export const metadata = {
  tables: Object.entries(tables).map(([name, table]) => ({ name, description: `Rows of ${name}`, columns: table.columns.map(([column, type]) => ({ name: column, type })) })),
  functions: [],
};

export function check(query: string): { code: string; severity: string; start: number; end: number; message: string; hint: string | null }[] {
  const match = /^\s*([A-Za-z_]\w*)/.exec(query.replace(/^\s*(\/\/.*\n\s*)*/, ''));
  const name = match?.[1] ?? '';
  if (name === 'let' || name === 'source' || name === 'union' || name === 'print' || name === 'AzureActivity' || tables[name]) return [];
  const start = query.indexOf(name);
  return [{ code: 'K0201', severity: 'error', start, end: start + name.length, message: `unknown table \`${name}\``, hint: 'Tables of this workspace are listed on the left.' }];
}

export function answer(query: string): object {
  if (query.startsWith('AzureActivity')) return { tables: [activityTable(query)] };
  const use = workspaceUse(query);
  if (use) return { tables: [use] };
  const name = Object.keys(tables).find((table) => new RegExp(`\\b${table}\\b`).test(query)) ?? 'Heartbeat';
  const table = tables[name] as Table;
  const visualization = /render\s+(\w+)/.exec(query)?.[1];
  const result = summarized(query, table) ?? plain(query, table);
  return {
    tables: [{ name: 'PrimaryResult', columns: result.columns.map(([column, type]) => ({ name: column, type })), rows: result.rows }],
    ...(visualization ? { render: { visualization } } : {}),
    statistics: { query: { executionTime: 0.012 } },
  };
}

function plain(query: string, table: Table): { columns: [string, string][]; rows: Row[] } {
  const limit = Number(/\b(?:take|limit|top)\s+(\d+)/.exec(query)?.[1] ?? table.count);
  return { columns: table.columns, rows: Array.from({ length: Math.min(limit, table.count) }, (_, at) => table.row(at)) };
}

function summarized(query: string, table: Table): { columns: [string, string][]; rows: Row[] } | undefined {
  const by = /summarize\s+(.+?)\s+by\s+([^|\n]+)/.exec(query);
  if (!by) return undefined;
  const names = (by[2] ?? '').split(/,(?![^(]*\))/).map((part) => part.trim());
  const name = /(\w+)\s*=/.exec(by[1] ?? '')?.[1] ?? ((by[1] ?? '').startsWith('max') ? 'max_TimeGenerated' : 'count_');
  const time = names.some((part) => part.startsWith('bin('));
  const keys = names.filter((part) => !part.startsWith('bin('));
  const columns: [string, string][] = [];
  if (time) columns.push(['TimeGenerated', 'datetime']);
  for (const key of keys) columns.push([key, 'string']);
  const isTime = (by[1] ?? '').includes('max(TimeGenerated)');
  columns.push([name, isTime ? 'datetime' : 'long']);
  const distinct = [...new Set(Array.from({ length: Math.min(400, table.count) }, (_, at) => JSON.stringify(keys.map((key) => String(table.row(at)[table.columns.findIndex(([column]) => column === key)] ?? 'Linux')))))].slice(0, time ? 4 : 40);
  const rows: Row[] = [];
  for (const [at, text] of distinct.entries()) {
    const group = JSON.parse(text) as string[];
    if (!time) rows.push([...group, isTime ? ago(at * 0.4) : 900 - at * 53 + ((at * 37) % 90)]);
    else for (let step = 0; step < 48; step += 1) rows.push([ago((48 - step) * 10), ...group, Math.max(0, Math.round(24 + at * 9 + 12 * Math.sin(step / 6 + at)))]);
  }
  return { columns, rows: rows.filter((row) => typeof row.at(-1) !== 'number' || Number(row.at(-1)) > 0) };
}

const server = new Set(['SecurityAlert', 'SecureScores']);
const typed = (columns: readonly string[]) => columns.map((text) => ({ name: text.split(':')[0], type: text.split(':')[1] }));

/** The pages' own questions about what came in: by table, day, machine and hour. */
function workspaceUse(query: string): object | undefined {
  const filled = Object.entries(tables).filter(([, table]) => table.count > 0);
  const bytes = (rows: number) => rows * 412;
  if (query.includes('LastRow = max(TimeGenerated) by TableName, OfAgent')) {
    const rows = filled.flatMap(([name, table]) => Array.from({ length: 24 }, (_, at) => [name, !server.has(name) && name !== 'SecurityEvent', ago(at * 60).slice(0, 13) + ':00:00Z', Math.ceil((table.count / 24) * (1 + Math.sin(at / 3))), ago(at * 60)]));
    return { name: 'PrimaryResult', columns: typed(['TableName:string', 'OfAgent:bool', 'Hour:datetime', 'Rows:long', 'LastRow:datetime']), rows: rows.map(([name, agent, hour, count, last]) => [name, agent, hour, count, last]) };
  }
  if (query.includes('LastRow = max(TimeGenerated)')) {
    return { name: 'PrimaryResult', columns: typed(['TableName:string', 'Rows:long', 'Bytes:real', 'LastRow:datetime']), rows: filled.map(([name, table]) => [name, table.count, bytes(table.count), ago(2)]) };
  }
  if (query.includes('Day = bin(TimeGenerated, 1d)')) {
    const rows = filled.flatMap(([name, table]) => Array.from({ length: 7 }, (_, at) => [name, name === 'Heartbeat' || server.has(name) ? 'false' : 'true', ago(at * 1440).slice(0, 10) + 'T00:00:00Z', bytes(table.count) * (90 + ((at * 37) % 40)), table.count * 7]));
    return { name: 'PrimaryResult', columns: typed(['TableName:string', '_IsBillable:string', 'Day:datetime', 'Bytes:real', 'Rows:long']), rows };
  }
  if (query.includes('by Machine')) {
    return { name: 'PrimaryResult', columns: typed(['Machine:string', 'Bytes:real', 'Rows:long']), rows: hosts.map((host, at) => [host.name, 9e8 / (at + 1), 220_000 - at * 9000]) };
  }
  return undefined;
}
