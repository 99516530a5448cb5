/** What a change did to a JSON document, property by property. */

export interface Difference {
  path: string;
  kind: 'added' | 'removed' | 'changed';
  before?: unknown;
  after?: unknown;
}

/**
 * Differences in the order of the new document, removed ones last. Lists of which any element is an object are compared
 * by place; lists of plain values as wholes, because an added tag value is easier to read than five shifted ones.
 */
export function differences(before: unknown, after: unknown, path = ''): Difference[] {
  if (same(before, after)) return [];
  if (isBranch(before) && isBranch(after) && Array.isArray(before) === Array.isArray(after)) {
    const names = [...new Set([...Object.keys(after), ...Object.keys(before)])];
    const joined = (name: string) => (Array.isArray(after) ? `${path}[${name}]` : path ? `${path}.${name}` : name);
    return names.flatMap((name) => differences(child(before, name), child(after, name), joined(name)));
  }
  if (before === undefined || before === null) return leaves(after, path).map(([at, value]) => ({ path: at, kind: 'added', after: value }));
  if (after === undefined || after === null) return leaves(before, path).map(([at, value]) => ({ path: at, kind: 'removed', before: value }));
  return [{ path, kind: 'changed', before, after }];
}

/** A value on one line. */
export function valueText(value: unknown): string {
  if (value === undefined) return '';
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function leaves(value: unknown, path: string): [string, unknown][] {
  if (!isBranch(value) || Object.keys(value).length === 0) return [[path, value]];
  return Object.entries(value).flatMap(([name, inner]) => leaves(inner, Array.isArray(value) ? `${path}[${name}]` : path ? `${path}.${name}` : name));
}

function isBranch(value: unknown): value is object {
  if (Array.isArray(value)) return value.some((entry) => typeof entry === 'object' && entry !== null);
  return typeof value === 'object' && value !== null;
}

function child(value: object, name: string): unknown {
  return (value as Record<string, unknown>)[name];
}

function same(left: unknown, right: unknown): boolean {
  if (left === right) return true;
  if (typeof left !== 'object' || typeof right !== 'object' || left === null || right === null) return false;
  if (Array.isArray(left) !== Array.isArray(right)) return false;
  const names = Object.keys(left);
  return names.length === Object.keys(right).length && names.every((name) => name in right && same(child(left, name), child(right, name)));
}
