/** People and programs, over the part of Microsoft Graph that the server speaks. */
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { request } from './client';

const key = 'directory';

// crates/control/src/identity/directory.rs
export interface Principal {
  id: string;
  displayName: string;
  accountEnabled: boolean;
  createdDateTime?: string;
  userPrincipalName?: string;
  appId?: string;
}

export function isUser(principal: Principal): boolean {
  return principal.appId === undefined || principal.appId === null;
}

function useList(what: 'users' | 'servicePrincipals') {
  return useQuery({
    queryKey: [key, what],
    queryFn: async ({ signal }) => (await request<{ value: Principal[] }>('GET', `/v1.0/${what}`, { signal })).value,
  });
}

export const useUsers = () => useList('users');
export const useServicePrincipals = () => useList('servicePrincipals');

/** Everybody by object id; who may not read the directory sees ids in place of names. */
export function usePrincipals(): { all: Principal[]; byId: Map<string, Principal>; loaded: boolean } {
  const users = useUsers();
  const programs = useServicePrincipals();
  const all = [...(users.data ?? []), ...(programs.data ?? [])];
  return { all, byId: new Map(all.map((entry) => [entry.id.toLowerCase(), entry])), loaded: !users.isPending && !programs.isPending };
}

/** Ways in which a person signs in. */
export interface SignInMethods {
  password: boolean;
  secondFactor: boolean;
}

export function useSignInMethods(id: string) {
  return useQuery({
    queryKey: [key, 'methods', id],
    queryFn: async ({ signal }): Promise<SignInMethods> => {
      const { value } = await request<{ value: { '@odata.type': string }[] }>('GET', `/v1.0/users/${id}/authentication/methods`, { signal });
      const has = (name: string) => value.some((method) => method['@odata.type'] === `#microsoft.graph.${name}AuthenticationMethod`);
      return { password: has('password'), secondFactor: has('softwareOath') };
    },
  });
}

function useChange<V, R>(mutationFn: (value: V) => Promise<R>) {
  const client = useQueryClient();
  return useMutation({ mutationFn, onSettled: () => client.invalidateQueries({ queryKey: [key] }) });
}

export const useCreateUser = () =>
  useChange(({ name, password }: { name: string; password: string }) =>
    request<Principal>('POST', '/v1.0/users', { body: { displayName: name, userPrincipalName: name, accountEnabled: true, passwordProfile: { password, forceChangePasswordNextSignIn: true } } }));

/** A person who signs in at the outside provider, known by an e-mail address that it has verified. */
export const useInviteUser = () =>
  useChange(({ name, email }: { name: string; email: string }) =>
    request<{ inviteRedeemUrl: string; invitedUser: Principal }>('POST', '/v1.0/invitations', { body: { invitedUserEmailAddress: email, invitedUserDisplayName: name } }));

const pathOf = (principal: Principal) => `/v1.0/${isUser(principal) ? 'users' : 'servicePrincipals'}/${principal.id}`;

export const useEnablePrincipal = () =>
  useChange(({ principal, enabled }: { principal: Principal; enabled: boolean }) => request<undefined>('PATCH', pathOf(principal), { body: { accountEnabled: enabled } }));

export const useDeletePrincipal = () => useChange((principal: Principal) => request<undefined>('DELETE', pathOf(principal)));

export const useResetPassword = () =>
  useChange(({ user, password }: { user: Principal; password: string }) => request<undefined>('PATCH', pathOf(user), { body: { passwordProfile: { password, forceChangePasswordNextSignIn: true } } }));

export const useSignOutUser = () => useChange((user: Principal) => request<unknown>('POST', `${pathOf(user)}/revokeSignInSessions`));

export const useRemoveSecondFactor = () => useChange((user: Principal) => request<undefined>('DELETE', `${pathOf(user)}/authentication/softwareOathMethods/${user.id}`));

/** A link that signs the person in once. */
export const useSignInLink = () =>
  useChange(async ({ user, minutes }: { user: Principal; minutes: number }) => {
    const made = await request<{ temporaryAccessPass: string }>('POST', `${pathOf(user)}/authentication/temporaryAccessPassMethods`, { body: { lifetimeInMinutes: minutes, isUsableOnce: true } });
    return `${window.location.origin}/signin#${made.temporaryAccessPass}`;
  });

export interface ProgramSecret {
  secretText: string;
  endDateTime: string;
}

export const useAddProgramSecret = () =>
  useChange(({ program, days }: { program: Principal; days: number }) =>
    request<ProgramSecret>('POST', `${pathOf(program)}/addPassword`, { body: { passwordCredential: { displayName: 'portal', endDateTime: inDays(days) } } }));

export const useCreateProgram = () =>
  useChange(async ({ name, days }: { name: string; days: number }) => {
    const program = await request<Principal>('POST', '/v1.0/applications', { body: { displayName: name } });
    const secret = await request<ProgramSecret>('POST', `/v1.0/servicePrincipals/${program.id}/addPassword`, { body: { passwordCredential: { displayName: 'portal', endDateTime: inDays(days) } } });
    return { program, secret };
  });

function inDays(days: number): string {
  return new Date(Date.now() + days * 86_400_000).toISOString();
}
