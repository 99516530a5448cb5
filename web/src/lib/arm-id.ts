/** Reads ARM resource ids. Ids compare without regard to case, as in ARM. */

export interface ArmId {
  subscriptionId: string | undefined;
  resourceGroup: string | undefined;
  type: string;
  name: string;
}

export function parseArmId(id: string): ArmId {
  const parts = id.split('/').filter(Boolean);
  const after = (word: string) => {
    const at = parts.findIndex((part) => part.toLowerCase() === word);
    return at >= 0 ? parts[at + 1] : undefined;
  };
  const providers = parts.map((part) => part.toLowerCase()).lastIndexOf('providers');
  const types: string[] = [];
  for (let at = providers + 2; providers >= 0 && at < parts.length; at += 2) types.push(parts[at] ?? '');
  return {
    subscriptionId: after('subscriptions'),
    resourceGroup: after('resourcegroups'),
    type: providers >= 0 ? [parts[providers + 1], ...types].join('/') : '',
    name: parts[parts.length - 1] ?? '',
  };
}

export function armName(id: string): string {
  return id.slice(id.lastIndexOf('/') + 1);
}

export function sameId(left: string | undefined, right: string | undefined): boolean {
  return left !== undefined && right !== undefined && left.toLowerCase() === right.toLowerCase();
}

/** The resource that an extension resource (an assessment, say) is about. */
export function scopeOf(id: string): string {
  const at = id.toLowerCase().lastIndexOf('/providers/');
  return at > 0 ? id.slice(0, at) : '';
}

export function isMachineId(id: string): boolean {
  return /\/providers\/microsoft\.hybridcompute\/machines\/[^/]+$/i.test(id);
}

/** What a resource type is called in the portal. */
export function typeLabel(type: string): string {
  switch (type.toLowerCase()) {
    case 'microsoft.hybridcompute/machines':
      return 'Server';
    case 'microsoft.operationalinsights/workspaces':
      return 'Workspace';
    case '':
      return 'Subscription';
    default:
      return armName(type);
  }
}
