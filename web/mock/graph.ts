/** The answers of Resource Graph to the questions that the pages ask, and nothing else. */
import type { Item } from './hosts.ts';

type Row = Record<string, unknown>;

const groupOf = (id: string) => /\/resourceGroups\/([^/]+)/i.exec(id)?.[1] ?? '';
const isExtension = (item: Item) => item.type.toLowerCase().endsWith('/machines/extensions');
const isGroup = (item: Item) => item.type === 'Microsoft.Resources/resourceGroups';

/** `undefined` for a question that the mock does not know: a changed query must change here too. */
export function graphAnswer(query: string, items: readonly Item[]): Row[] | undefined {
  const top = items.filter((item) => !item.type.toLowerCase().startsWith('microsoft.authorization/') && /^\/subscriptions\/[^/]+\/resourceGroups\/[^/]+\/providers\/[^/]+\/[^/]+\/[^/]+$/i.test(item.id));
  if (query.includes("=~ 'microsoft.hybridcompute/machines/extensions'")) {
    return buckets(items.filter(isExtension).map((item) => {
      const [machine = ''] = item.id.toLowerCase().split('/extensions/');
      const { type, provisioningState, instanceView } = item.properties as { type: string; provisioningState: string; instanceView: { status: { message: string } } };
      return [machine, item.name, type, provisioningState, provisioningState === 'Succeeded' ? '' : instanceView.status.message].join('\n');
    }));
  }
  if (query.includes("=~ 'microsoft.security/assessments'")) {
    const unhealthy = items.filter((item) => item.type === 'Microsoft.Security/assessments' && (item.properties['status'] as { code: string }).code === 'Unhealthy');
    return buckets(unhealthy.map((item) => `${item.id.toLowerCase().split('/providers/microsoft.security/')[0]}\n${item.name}`));
  }
  if (query.includes("=~ 'microsoft.operationalinsights/workspaces'")) {
    return top.filter((item) => item.type === 'Microsoft.OperationalInsights/workspaces').map((item) => {
      const { customerId, retentionInDays } = item.properties as { customerId: string; retentionInDays: number };
      return { id: item.id, name: item.name, subscriptionId: item.id.split('/')[2], resourceGroup: groupOf(item.id), location: item.location, customerId, retention: retentionInDays, quota: null };
    });
  }
  if (query.includes('Resources = count() by resourceGroup')) {
    const counts = new Map<string, number>();
    for (const item of top) counts.set(groupOf(item.id).toLowerCase(), (counts.get(groupOf(item.id).toLowerCase()) ?? 0) + 1);
    return [...counts].map(([resourceGroup, Resources]) => ({ resourceGroup, Resources }));
  }
  const tagged = [...top, ...items.filter(isGroup)];
  if (query.includes('bag_keys(tags)')) {
    const counts = new Map<string, Row & { Resources: number }>();
    for (const item of tagged) {
      for (const [TagName, TagValue] of Object.entries(item.tags ?? {})) {
        const key = `${TagName}\n${TagValue}`;
        counts.set(key, { TagName, TagValue, Resources: (counts.get(key)?.Resources ?? 0) + 1 });
      }
    }
    return [...counts.values()];
  }
  const tag = /tostring\(tags\["([^"]+)"\]\) == "([^"]*)"/.exec(query);
  if (!tag) return undefined;
  const has = tagged.filter((item) => item.tags?.[tag[1] ?? ''] === tag[2]);
  return has.map((item) => ({ id: item.id, name: item.name, type: isGroup(item) ? 'microsoft.resources/subscriptions/resourcegroups' : item.type.toLowerCase(), resourceGroup: groupOf(item.id) }));
}

function buckets(entries: readonly string[]): Row[] {
  const out = Array.from({ length: 7 }, () => [] as string[]);
  entries.forEach((entry, at) => out[at % 7]?.push(entry));
  return out.filter((Entries) => Entries.length > 0).map((Entries, Bucket) => ({ Bucket, Entries }));
}
