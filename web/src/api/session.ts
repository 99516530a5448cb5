import { createContext, use } from 'react';
import { request } from './client';
import type { Session } from './types';

export const SessionContext = createContext<Session | undefined>(undefined);

/** The signed-in session. Pages render only inside the session gate, so it is always there. */
export function useSession(): Session {
  const session = use(SessionContext);
  if (!session) throw new Error('useSession outside the session gate');
  return session;
}

/** The subscription that the pages show, when it is not the session's own. */
export interface ChosenSubscription {
  id: string;
  name: string;
}

const chosenKey = 'bartizan-subscription';

export function chosenSubscription(): ChosenSubscription | undefined {
  try {
    const found = JSON.parse(localStorage.getItem(chosenKey) ?? 'null') as ChosenSubscription | null;
    return typeof found?.id === 'string' && typeof found.name === 'string' ? found : undefined;
  } catch {
    return undefined;
  }
}

export function keepSubscription(chosen: ChosenSubscription): void {
  localStorage.setItem(chosenKey, JSON.stringify(chosen));
}

export const SwitchContext = createContext<(chosen: ChosenSubscription) => void>(() => undefined);

/** Shows another subscription from now on. */
export function useSwitchSubscription(): (chosen: ChosenSubscription) => void {
  return use(SwitchContext);
}

export const sessionKey = ['session'] as const;

export function fetchSession(signal?: AbortSignal): Promise<Session> {
  return request<Session>('GET', '/portal/v1/session', signal ? { signal } : {});
}

export function signIn(code: string): Promise<Session> {
  return request<Session>('POST', '/portal/v1/signin', { body: { code } });
}

export function signOut(): Promise<void> {
  return request<void>('POST', '/portal/v1/signout');
}

export function subscriptionScope(session: Session): string {
  return `/subscriptions/${session.subscriptionId}`;
}

export function sentinelScope(session: Session): string {
  return `${session.workspaceId}/providers/Microsoft.SecurityInsights`;
}
