/** The signed-in person's own password and second factor. */
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { request } from './client';

const key = ['account'] as const;

export interface Account {
  name: string;
  hasPassword: boolean;
  hasSecondFactor: boolean;
}

export function useAccount() {
  return useQuery({ queryKey: key, queryFn: ({ signal }) => request<Account>('GET', '/portal/v1/account', { signal }) });
}

function useStep<V, R = undefined>(path: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (body: V) => request<R>('POST', `/portal/v1/account${path}`, { body }),
    onSettled: () => client.invalidateQueries({ queryKey: key }),
  });
}

export const useChangePassword = () => useStep<{ current: string; password: string }>('/password');
export const useBeginFactor = () => useStep<Record<string, never>, { secret: string; uri: string }>('/totp');
export const useConfirmFactor = () => useStep<{ password: string; otp: string }>('/totp/confirm');
export const useRemoveFactor = () => useStep<{ password: string; otp: string }>('/totp/remove');
export const useSignOutEverywhere = () => useStep<Record<string, never>>('/signout');
