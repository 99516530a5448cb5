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
