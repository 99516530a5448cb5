/** What a role's action patterns allow, decided as the server decides it. */

export interface PermissionSet {
  actions?: string[];
  notActions?: string[];
  dataActions?: string[];
  notDataActions?: string[];
}

/** `*` stands for any characters, slashes too; letters compare without regard to case. */
export function matchesAction(pattern: string, action: string): boolean {
  const [first = '', ...parts] = pattern.toLowerCase().split('*');
  let rest = action.toLowerCase();
  if (!rest.startsWith(first)) return false;
  rest = rest.slice(first.length);
  if (parts.length === 0) return rest === '';
  const last = parts.pop() ?? '';
  for (const part of parts) {
    const at = rest.indexOf(part);
    if (at < 0) return false;
    rest = rest.slice(at + part.length);
  }
  return rest.endsWith(last);
}

/** Whether any set allows the action. Exceptions take away from their own set only. */
export function allows(sets: readonly PermissionSet[], action: string, data = false): boolean {
  const any = (patterns: readonly string[] | undefined) => patterns?.some((pattern) => matchesAction(pattern, action)) ?? false;
  return sets.some((set) => (data ? any(set.dataActions) && !any(set.notDataActions) : any(set.actions) && !any(set.notActions)));
}

/** Whether a text has the shape of an action pattern. */
export function isPattern(text: string): boolean {
  return text === '*' || (/^[A-Za-z0-9*/.$_-]{1,256}$/.test(text) && text.includes('/'));
}
