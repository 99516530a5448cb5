/** Errors of the server, as the pages show them: the ARM code and message, kept as they came. */

export interface ArmErrorDetail {
  code: string;
  message: string;
  target?: string;
}

export class ApiError extends Error {
  readonly status: number;
  readonly code: string;
  readonly details: ArmErrorDetail[];

  constructor(status: number, code: string, message: string, details: ArmErrorDetail[] = []) {
    super(message);
    this.name = 'ApiError';
    this.status = status;
    this.code = code;
    this.details = details;
  }

  /** Trying again may help: the server was busy, away, or slow. */
  get retryable(): boolean {
    return this.status === 0 || this.status === 408 || this.status === 429 || this.status >= 502;
  }
}

/**
 * Understands `{"error":{code,message,details?,innererror?}}`, the nested form of the query API (whose
 * innermost message is the useful one), and answers that are not JSON at all.
 */
export function parseError(status: number, body: string): ApiError {
  const error = member(tryJson(body), 'error');
  const code = text(member(error, 'code')) ?? `HTTP ${status}`;
  const message = text(member(error, 'message')) ?? fallback(status, body);
  const details: ArmErrorDetail[] = [];
  const list = member(error, 'details');
  if (Array.isArray(list)) for (const item of list) pushDetail(details, item);
  for (let inner = member(error, 'innererror'); inner !== undefined; inner = member(inner, 'innererror')) {
    pushDetail(details, inner);
  }
  return new ApiError(status, code, message, details);
}

export function errorText(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function pushDetail(into: ArmErrorDetail[], value: unknown): void {
  const message = text(member(value, 'message'));
  if (!message || into.some((detail) => detail.message === message)) return;
  const target = text(member(value, 'target'));
  into.push({ code: text(member(value, 'code')) ?? '', message, ...(target ? { target } : {}) });
}

function fallback(status: number, body: string): string {
  if (status === 0) return 'The server cannot be reached.';
  if (body && body.length < 300 && !body.trimStart().startsWith('<')) return body;
  return `The server answered with status ${status}.`;
}

function tryJson(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}

function member(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}
