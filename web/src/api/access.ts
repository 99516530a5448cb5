/** Roles, who has them where, and the actions that there are. */
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import type { PermissionSet } from '@/lib/permissions';
import { armName, parseArmId } from '@/lib/arm-id';
import { contains, isManagementGroup } from '@/lib/scope';
import { armUrl, listAll, request } from './client';
import { subscriptionScope, useSession } from './session';
import type { Resource } from './types';
import { versions } from './versions';

const assignmentsType = 'microsoft.authorization/roleassignments';
const definitionsType = 'microsoft.authorization/roledefinitions';

// crates/control: Microsoft.Authorization/roleAssignments
export type RoleAssignment = Resource<{ roleDefinitionId: string; principalId: string; principalType?: string; scope: string; createdOn?: string; description?: string }>;

// crates/control: Microsoft.Authorization/roleDefinitions
export type RoleDefinition = Resource<{
  roleName: string;
  description?: string;
  type?: string;
  assignableScopes: string[];
  permissions: PermissionSet[];
}>;

/** Lists name what is at a scope and below; a subscription's list has everything that can matter inside it. */
function listScope(scope: string): string {
  const { subscriptionId } = parseArmId(scope);
  return isManagementGroup(scope) || !subscriptionId ? scope : `/subscriptions/${subscriptionId}`;
}

/** The assignments in the subscription or management group of a scope. */
export function useRoleAssignments(scope: string) {
  const at = listScope(scope);
  return useQuery({
    queryKey: [assignmentsType, at.toLowerCase()],
    queryFn: ({ signal }) => listAll<RoleAssignment>(armUrl(`${at}/providers/Microsoft.Authorization/roleAssignments`, versions.access), signal),
  });
}

/** Those that hold at a scope: its own and the inherited ones. */
export function effectiveAt(assignments: readonly RoleAssignment[], scope: string): RoleAssignment[] {
  return assignments.filter((assignment) => contains(assignment.properties.scope, scope));
}

export function useRoleDefinitions(scope: string) {
  const at = listScope(scope);
  return useQuery({
    queryKey: [definitionsType, at.toLowerCase()],
    queryFn: ({ signal }) => listAll<RoleDefinition>(armUrl(`${at}/providers/Microsoft.Authorization/roleDefinitions`, versions.access), signal),
  });
}

/** The definition that an assignment names, at whatever scope it was listed. */
export function roleOf(definitions: readonly RoleDefinition[] | undefined, assignment: RoleAssignment): RoleDefinition | undefined {
  const name = armName(assignment.properties.roleDefinitionId).toLowerCase();
  return definitions?.find((definition) => definition.name.toLowerCase() === name);
}

export function isCustomRole(role: RoleDefinition): boolean {
  return role.properties.type === 'CustomRole';
}

export interface NewAssignment {
  scope: string;
  roleDefinitionId: string;
  principalIds: readonly string[];
}

export function useAddAssignments() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: async ({ scope, roleDefinitionId, principalIds }: NewAssignment) => {
      for (const principalId of principalIds) {
        const url = armUrl(`${scope}/providers/Microsoft.Authorization/roleAssignments/${crypto.randomUUID()}`, versions.access);
        await request<RoleAssignment>('PUT', url, { body: { properties: { roleDefinitionId, principalId } } });
      }
    },
    onSettled: () => client.invalidateQueries({ queryKey: [assignmentsType] }),
  });
}

export function useRemoveAssignment() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (assignment: RoleAssignment) => request<undefined>('DELETE', armUrl(assignment.id, versions.access)),
    onSettled: () => client.invalidateQueries({ queryKey: [assignmentsType] }),
  });
}

export function useSaveRole() {
  const session = useSession();
  const client = useQueryClient();
  return useMutation({
    mutationFn: ({ id, properties }: { id: string | undefined; properties: Omit<RoleDefinition['properties'], 'type'> }) => {
      const path = id ?? `${subscriptionScope(session)}/providers/Microsoft.Authorization/roleDefinitions/${crypto.randomUUID()}`;
      return request<RoleDefinition>('PUT', armUrl(path, versions.access), { body: { properties: { ...properties, type: 'CustomRole' } } });
    },
    onSettled: () => client.invalidateQueries({ queryKey: [definitionsType] }),
  });
}

export function useDeleteRole() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (role: RoleDefinition) => request<undefined>('DELETE', armUrl(role.id, versions.access)),
    onSettled: () => client.invalidateQueries({ queryKey: [definitionsType] }),
  });
}

interface Provider {
  namespace: string;
  resourceTypes: { resourceType: string }[];
}

/** Resource types by provider, to pick actions from. */
export function useProviders() {
  const session = useSession();
  return useQuery({
    queryKey: ['providers', session.subscriptionId],
    staleTime: Infinity,
    queryFn: ({ signal }) => listAll<Provider>(armUrl(`${subscriptionScope(session)}/providers`, versions.resources), signal),
  });
}
