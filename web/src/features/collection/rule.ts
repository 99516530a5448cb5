/** A rule of one stream, one transformation and one table, as the form has it. */
import type { CollectionRule, DataFlow } from '@/api/types';
import { columnDraft, namedColumns, type ColumnDraft } from '@/ui/ColumnFields';

export interface RuleForm {
  name: string;
  description: string;
  /** Without `Custom-`. */
  stream: string;
  columns: ColumnDraft[];
  transform: string;
  table: string;
  /** The workspace that the rule sends to; the server's own when empty. */
  workspace: string;
}

export const streamTypes = ['string', 'datetime', 'int', 'long', 'real', 'boolean', 'dynamic'];

const destination = 'workspace';

/** The names of the tables that a flow fills. */
export function tablesOf(flow: DataFlow): string[] {
  return (flow.outputStream ? [flow.outputStream] : flow.streams).map((stream) => stream.replace(/^(Microsoft|Custom)-/, ''));
}

/** Whether the form can show all that a rule says. */
export function isSimple(rule: CollectionRule): boolean {
  const { dataFlows = [], streamDeclarations = {}, dataSources = {}, destinations = {} } = rule.properties;
  const [flow] = dataFlows;
  const [stream] = Object.keys(streamDeclarations);
  return (destinations.logAnalytics ?? []).length <= 1 && dataFlows.length === 1 && Object.keys(streamDeclarations).length === 1 && Object.keys(dataSources).length === 0 && flow?.streams.length === 1 && flow.streams[0] === stream;
}

export function emptyForm(): RuleForm {
  return { name: '', description: '', stream: '', columns: [columnDraft('TimeGenerated', 'datetime'), columnDraft('Message', 'string')], transform: 'source', table: '', workspace: '' };
}

export function formOf(rule: CollectionRule): RuleForm {
  const [flow] = rule.properties.dataFlows ?? [];
  const [stream = '', declared] = Object.entries(rule.properties.streamDeclarations ?? {})[0] ?? [];
  return {
    name: rule.name, description: rule.properties.description ?? '', stream: stream.replace(/^Custom-/, ''),
    columns: (declared?.columns ?? []).map((column) => columnDraft(column.name, column.type)),
    transform: flow?.transformKql ?? 'source', table: flow ? (tablesOf(flow)[0] ?? '') : '',
    workspace: rule.properties.destinations?.logAnalytics?.[0]?.workspaceResourceId ?? '',
  };
}

export function propertiesOf(form: RuleForm, ownWorkspace: string): CollectionRule['properties'] {
  const stream = `Custom-${form.stream.trim()}`;
  const table = form.table.trim();
  return {
    description: form.description.trim(),
    streamDeclarations: { [stream]: { columns: namedColumns(form.columns) } },
    destinations: { logAnalytics: [{ name: destination, workspaceResourceId: form.workspace || ownWorkspace }] },
    dataFlows: [{ streams: [stream], destinations: [destination], transformKql: form.transform.trim() || 'source', outputStream: `${table.endsWith('_CL') ? 'Custom' : 'Microsoft'}-${table}` }],
  };
}

/** The machine that an association, or a machine's id itself, is of. */
export function machineOf(id: string): string {
  return id.replace(/\/providers\/microsoft\.insights\/.*$/i, '');
}

export function machineName(id: string): string {
  return machineOf(id).split('/').at(-1) ?? id;
}

/** The first thing that keeps a form from being saved. */
export function formProblem(form: RuleForm): string | undefined {
  if (!/^[A-Za-z0-9][\w-]{0,62}[A-Za-z0-9]$/.test(form.name.trim())) return 'A rule needs a name of 2 to 64 letters, digits, - and _.';
  if (!/^[A-Za-z]\w*$/.test(form.stream.trim())) return 'The stream needs a name of letters, digits and _.';
  if (namedColumns(form.columns).length === 0) return 'The stream needs a column.';
  if (!form.table.trim()) return 'Rows need a table to go to.';
  return undefined;
}

/** Declares `source` for the editor, with the columns of the stream. */
export function sourcePrefix(columns: readonly ColumnDraft[]): string {
  const list = namedColumns(columns).map(({ name, type }) => `['${name}']: ${type === 'boolean' ? 'bool' : type}`);
  return list.length === 0 ? '' : `let source = datatable(${list.join(', ')})[];\n`;
}

/** Rows as text: an array of objects, or one object a line. Undefined when it is neither. */
export function parseRows(text: string): Record<string, unknown>[] | undefined {
  const isRow = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);
  try {
    const whole: unknown = text.trim().startsWith('[') ? JSON.parse(text) : text.split('\n').filter((line) => line.trim()).map((line) => JSON.parse(line) as unknown);
    return Array.isArray(whole) && whole.length > 0 && whole.every(isRow) ? whole : undefined;
  } catch {
    return undefined;
  }
}
