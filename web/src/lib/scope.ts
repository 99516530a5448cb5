/** Scopes: what roles, locks and policies hang on, from the management group down to one resource. */
import { armName, parseArmId, sameId, typeLabel } from './arm-id';

export type ScopeKind = 'Root' | 'Management group' | 'Subscription' | 'Resource group' | 'Resource';

export function scopeKind(scope: string): ScopeKind {
  if (scope === '/' || scope === '') return 'Root';
  if (isManagementGroup(scope)) return 'Management group';
  if (/^\/subscriptions\/[^/]+$/i.test(scope)) return 'Subscription';
  return /^\/subscriptions\/[^/]+\/resourceGroups\/[^/]+$/i.test(scope) ? 'Resource group' : 'Resource';
}

export function isManagementGroup(scope: string): boolean {
  return /^\/providers\/Microsoft\.Management\/managementGroups\/[^/]+$/i.test(scope);
}

/** Whether what holds at `outer` holds at `inner` too. The path says it for everything below a subscription. */
export function contains(outer: string, inner: string): boolean {
  if (scopeKind(outer) === 'Root' || sameId(outer, inner)) return true;
  // What is in a management group no path says; a list at a scope names no management groups but those above it.
  if (isManagementGroup(outer)) return true;
  return inner.toLowerCase().startsWith(`${outer.toLowerCase()}/`);
}

/** A scope in words: `Resource group bartizan`. */
export function scopeText(scope: string, subscriptionName?: string): string {
  const kind = scopeKind(scope);
  if (kind === 'Root') return 'Everything';
  if (kind === 'Subscription' && subscriptionName) return `Subscription ${subscriptionName}`;
  return `${kind === 'Resource' ? typeLabel(parseArmId(scope).type) : kind} ${armName(scope)}`;
}
