import { useCallback, useRef, useState } from 'react';
import { checkQuery, runQuery } from '@/api/logs';
import { useSession } from '@/api/session';
import type { QueryAnswer, QueryDiagnostic } from '@/api/types';

export type Run =
  | { state: 'idle' }
  | { state: 'running'; started: number }
  | { state: 'done'; query: string; answer: QueryAnswer; elapsedMs: number }
  | { state: 'failed'; query: string; error: unknown; diagnostics: QueryDiagnostic[] }
  | { state: 'cancelled' };

/** Runs one query at a time; a new run or `cancel` ends the one before. */
export function useQueryRun() {
  const session = useSession();
  const [run, setRun] = useState<Run>({ state: 'idle' });
  const abort = useRef<AbortController>(null);

  const start = useCallback(
    async (query: string, timespan: string | undefined) => {
      abort.current?.abort();
      const mine = new AbortController();
      abort.current = mine;
      const started = performance.now();
      setRun({ state: 'running', started });
      try {
        const answer = await runQuery(session, query, timespan, mine.signal);
        if (abort.current === mine) setRun({ state: 'done', query, answer, elapsedMs: performance.now() - started });
      } catch (error) {
        if (mine.signal.aborted) return;
        // The diagnostics say where; the error alone says what.
        const check = await checkQuery(session, query, mine.signal).catch(() => undefined);
        if (abort.current === mine) setRun({ state: 'failed', query, error, diagnostics: check?.diagnostics ?? [] });
      }
    },
    [session],
  );
  const cancel = useCallback(() => {
    abort.current?.abort();
    setRun({ state: 'cancelled' });
  }, []);
  return { run, start, cancel };
}
