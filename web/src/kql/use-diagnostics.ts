import { useEffect, useState } from 'react';
import { checkQuery } from '@/api/logs';
import { useSession } from '@/api/session';
import type { QueryDiagnostic } from '@/api/types';

/** What our binder says about the text, shortly after typing stops. */
export function useDiagnostics(query: string): QueryDiagnostic[] {
  const session = useSession();
  const [diagnostics, setDiagnostics] = useState<QueryDiagnostic[]>([]);
  useEffect(() => {
    const abort = new AbortController();
    const timer = setTimeout(() => {
      if (!query.trim()) return setDiagnostics([]);
      checkQuery(session, query, abort.signal).then(
        (check) => setDiagnostics(check.diagnostics),
        () => undefined,
      );
    }, 500);
    return () => {
      clearTimeout(timer);
      abort.abort();
    };
  }, [session, query]);
  return diagnostics;
}
