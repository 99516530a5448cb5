/** The activity log: every change, by whom, from where, and what it did. */
import { useQuery } from '@tanstack/react-query';
import { kqlString } from '@/lib/kql-text';
import { runQuery } from './logs';
import { useSession } from './session';

export interface Activity {
  id: string;
  time: string;
  operation: string;
  caller: string;
  address: string;
  status: string;
  resourceId: string;
  resourceGroup: string;
  correlation: string;
  /** `null` when there was nothing before, or nothing after; undefined when the log does not say. */
  before: unknown;
  after: unknown;
}

export interface ActivityFilter {
  /** Part of the caller's name. */
  caller: string;
  /** Part of the operation's name. */
  operation: string;
  /** A resource id, what lies below it included, or a part of one. */
  resource: string;
  status: string;
}

/** Rows of one page. The time range is narrowed for more. */
export const activityMax = 1000;

/** The question. Filters are literals, so that what people type is never KQL. */
export function activityQuery(filter: ActivityFilter): string {
  const conditions: string[] = [];
  if (filter.caller.trim()) conditions.push(`Caller contains ${kqlString(filter.caller.trim())}`);
  if (filter.operation.trim()) conditions.push(`OperationNameValue contains ${kqlString(filter.operation.trim())}`);
  if (filter.resource.trim()) conditions.push(`ResourceId contains ${kqlString(filter.resource.trim())}`);
  if (filter.status) conditions.push(`ActivityStatusValue == ${kqlString(filter.status)}`);
  return [
    'AzureActivity',
    ...conditions.map((condition) => `| where ${condition}`),
    '| project TimeGenerated, OperationName, Caller, CallerIpAddress, ActivityStatusValue, ResourceId, ResourceGroup, CorrelationId, Properties_d',
    `| top ${activityMax} by TimeGenerated desc`,
  ].join('\n');
}

export function useActivity(filter: ActivityFilter, timespan: string | undefined) {
  const session = useSession();
  return useQuery({
    queryKey: ['rows:azureactivity', filter, timespan],
    retry: false,
    queryFn: async ({ signal }) => {
      const table = (await runQuery(session, activityQuery(filter), timespan, signal)).tables[0];
      return (table?.rows ?? []).map(activityOf);
    },
  });
}

/** A row in the order of the projection. */
export function activityOf(row: readonly unknown[], at: number): Activity {
  const text = (index: number) => (typeof row[index] === 'string' ? row[index] : '');
  const properties = parsed(row[8]);
  const body = (name: string) => (properties && name in properties ? properties[name] : undefined);
  return {
    id: `${text(7)}${text(0)}${at}`, time: text(0), operation: text(1), caller: text(2), address: text(3), status: text(4), resourceId: text(5), resourceGroup: text(6), correlation: text(7),
    before: body('before'), after: body('after'),
  };
}

/** A dynamic cell is JSON text, or the object itself. */
function parsed(cell: unknown): Record<string, unknown> | undefined {
  if (typeof cell === 'object' && cell !== null) return cell as Record<string, unknown>;
  if (typeof cell !== 'string') return undefined;
  try {
    const value: unknown = JSON.parse(cell);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

/** An operation in words: `Write machines`, `Delete resourceGroups`. */
export function operationText(operation: string): string {
  const parts = operation.split('/');
  const word = parts.at(-1) === 'action' ? parts.at(-2) : parts.at(-1);
  const what = parts.at(-1) === 'action' ? parts.at(-3) : parts.at(-2);
  const words: Record<string, string> = { write: 'Create or update', delete: 'Delete' };
  return parts.length < 2 ? operation : `${words[word ?? ''] ?? capital(word ?? '')} ${spaced(what ?? '')}`;
}

const capital = (text: string) => text.charAt(0).toUpperCase() + text.slice(1);
const spaced = (text: string) => text.replace(/([a-z])([A-Z])/g, '$1 $2').toLowerCase();
