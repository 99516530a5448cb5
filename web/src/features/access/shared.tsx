/** What the tabs of access control have in common. */
import type { RoleAssignment, RoleDefinition } from '@/api/access';
import { isUser, type Principal } from '@/api/directory';
import { paths } from '@/lib/paths';
import { AppLink } from '@/ui/AppLink';

export interface AccessProps {
  scope: string;
  roles: readonly RoleDefinition[];
  /** Those that hold at the scope. */
  assignments: readonly RoleAssignment[];
  principals: { all: Principal[]; byId: Map<string, Principal>; loaded: boolean };
}

export function principalKind(assignment: RoleAssignment): string {
  return assignment.properties.principalType === 'ServicePrincipal' ? 'Service principal' : 'User';
}

/** A name with a link to its page; the id when the name is not known. */
export function PrincipalName({ id, principals, link = true }: { id: string; principals: AccessProps['principals']; link?: boolean }) {
  const found = principals.byId.get(id.toLowerCase());
  if (!found) return <span title={id}>{principals.loaded ? `Unknown (${id})` : '…'}</span>;
  if (!link) return <span title={id}>{found.displayName}</span>;
  return <AppLink strong to={paths.users({ who: found.id, ...(isUser(found) ? {} : { view: 'programs' }) })} title={id}>{found.displayName}</AppLink>;
}
