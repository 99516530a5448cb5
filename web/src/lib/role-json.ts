/** Custom roles as JSON: as ARM writes them, and as `az role definition` does. */
import { isPattern, type PermissionSet } from './permissions';

export interface RoleDraft {
  roleName: string;
  description: string;
  permissions: Required<PermissionSet>;
  assignableScopes: string[];
}

const lists = ['actions', 'notActions', 'dataActions', 'notDataActions'] as const;

/** The text to edit. */
export function roleToJson(draft: RoleDraft): string {
  const { permissions, ...rest } = draft;
  return JSON.stringify({ properties: { ...rest, permissions: [permissions] } }, null, 2);
}

/**
 * Reads a role. Several permission sets are refused rather than merged: an exception in one of them does not hold for
 * the others.
 */
export function roleFromJson(text: string): RoleDraft | { problem: string } {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    return { problem: `This is not JSON: ${cause instanceof Error ? cause.message : String(cause)}` };
  }
  const role = member(value, 'properties') ?? value;
  if (typeof role !== 'object' || role === null || Array.isArray(role)) return { problem: 'A role is a JSON object.' };
  const roleName = member(role, 'roleName') ?? member(role, 'name');
  if (typeof roleName !== 'string' || !roleName.trim()) return { problem: '`roleName` is missing.' };
  const sets = member(role, 'permissions');
  if (sets !== undefined && (!Array.isArray(sets) || sets.length !== 1)) return { problem: '`permissions` is a list of exactly one set of actions here; use `az role definition create` for several.' };
  const from = Array.isArray(sets) ? (sets[0] as unknown) : role;
  const permissions: Required<PermissionSet> = { actions: [], notActions: [], dataActions: [], notDataActions: [] };
  for (const name of lists) {
    const found = texts(member(from, name));
    if (!found) return { problem: `\`${name}\` is a list of texts.` };
    const wrong = found.find((pattern) => !isPattern(pattern));
    if (wrong !== undefined) return { problem: `\`${wrong}\` in \`${name}\` is not an action such as Microsoft.Security/*/read.` };
    permissions[name] = found;
  }
  if (permissions.actions.length + permissions.dataActions.length === 0) return { problem: 'The role allows nothing: `actions` and `dataActions` are empty.' };
  const assignableScopes = texts(member(role, 'assignableScopes'));
  if (!assignableScopes || assignableScopes.length === 0) return { problem: '`assignableScopes` is a list of at least one resource id.' };
  const description = member(role, 'description');
  return { roleName: roleName.trim(), description: typeof description === 'string' ? description : '', permissions, assignableScopes };
}

/** Nothing is the empty list; anything but texts is wrong. */
function texts(value: unknown): string[] | undefined {
  if (value === undefined || value === null) return [];
  return Array.isArray(value) && value.every((entry) => typeof entry === 'string') ? value : undefined;
}

/** Names compare without regard to case: Azure's own tools write `Actions` and `actions`. */
function member(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null) return undefined;
  return Object.entries(value).find(([key]) => key.toLowerCase() === name.toLowerCase())?.[1] as unknown;
}
