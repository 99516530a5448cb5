/** The query editor's questions. All of them may be aborted: the text has changed since. */
import { request } from './client';
import type { CallForms, Completions, FormattedQuery, HoverText, QueryColours, Session } from './types';

function ask<T>(what: string, body: object, signal?: AbortSignal): Promise<T> {
  return request<T>('POST', `/portal/v1/query/${what}`, { body, ...(signal ? { signal } : {}) });
}

export function askCompletions({ workspaceCustomerId: workspace }: Session, query: string, offset: number, signal?: AbortSignal): Promise<Completions> {
  return ask('complete', { workspace, query, offset }, signal);
}

export function askHover({ workspaceCustomerId: workspace }: Session, query: string, offset: number, signal?: AbortSignal): Promise<HoverText | null> {
  return ask('hover', { workspace, query, offset }, signal);
}

export function askForms({ workspaceCustomerId: workspace }: Session, query: string, offset: number, signal?: AbortSignal): Promise<CallForms | null> {
  return ask('call', { workspace, query, offset }, signal);
}

export function askColours({ workspaceCustomerId: workspace }: Session, query: string, signal?: AbortSignal): Promise<QueryColours> {
  return ask('colours', { workspace, query }, signal);
}

export function askFormat(query: string, signal?: AbortSignal): Promise<FormattedQuery> {
  return ask('format', { query }, signal);
}
