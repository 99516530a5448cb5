/**
 * HTTP to the server that served this page. The session is an HttpOnly cookie; unsafe methods carry the
 * header that the server asks of browsers, which another site cannot send.
 */
import { ApiError, parseError } from './errors';

type Method = 'GET' | 'PUT' | 'PATCH' | 'POST' | 'DELETE';

export interface RequestOptions {
  body?: unknown;
  headers?: Record<string, string>;
  signal?: AbortSignal;
}

/** Fired on `window` when the server no longer knows the session. */
export const sessionEnded = 'bartizan:session-ended';

export async function request<T>(method: Method, url: string, options: RequestOptions = {}): Promise<T> {
  const headers: Record<string, string> = { accept: 'application/json', ...options.headers };
  if (method !== 'GET') headers['x-bartizan-portal'] = '1';
  if (options.body !== undefined) headers['content-type'] = 'application/json';
  let response: Response;
  try {
    response = await fetch(url, {
      method,
      headers,
      credentials: 'same-origin',
      ...(options.body !== undefined ? { body: JSON.stringify(options.body) } : {}),
      ...(options.signal ? { signal: options.signal } : {}),
    });
  } catch (cause) {
    if (cause instanceof DOMException && cause.name === 'AbortError') throw cause;
    throw new ApiError(0, 'Unreachable', 'The server cannot be reached. Check that it is running.');
  }
  const text = await response.text();
  if (!response.ok) {
    if (response.status === 401) window.dispatchEvent(new Event(sessionEnded));
    throw parseError(response.status, text);
  }
  if (text === '') return undefined as T;
  try {
    return JSON.parse(text) as T;
  } catch {
    throw new ApiError(response.status, 'InvalidAnswer', 'The server gave an answer that is not JSON.');
  }
}

/** Adds `api-version` (and more) to an ARM path. */
export function armUrl(path: string, apiVersion: string, query: Record<string, string> = {}): string {
  return `${path}?${new URLSearchParams({ 'api-version': apiVersion, ...query }).toString()}`;
}

export interface ArmPage<T> {
  value: T[];
  nextLink?: string;
}

/** Follows `nextLink` to the end. Links are made relative, so that a proxy in front does no harm. */
export async function listAll<T>(first: string, signal?: AbortSignal, method: 'GET' | 'POST' = 'GET'): Promise<T[]> {
  const items: T[] = [];
  let url: string | undefined = first;
  while (url) {
    const page: ArmPage<T> = await request<ArmPage<T>>(method, url, signal ? { signal } : {});
    items.push(...page.value);
    url = page.nextLink ? relative(page.nextLink) : undefined;
  }
  return items;
}

function relative(link: string): string {
  const url = new URL(link, window.location.origin);
  return url.pathname + url.search;
}
