import { makeStyles } from '@fluentui/react-components';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { Navigate, Outlet, useLocation } from 'react-router';
import { sessionEnded } from '@/api/client';
import { ApiError } from '@/api/errors';
import { fetchSession, SessionContext, sessionKey } from '@/api/session';
import { paths } from '@/lib/paths';
import { ErrorState } from '@/ui/states';
import { Loading } from './errors';

const useStyles = makeStyles({
  center: { height: '100%', display: 'flex', alignItems: 'center', justifyContent: 'center', padding: '24px' },
});

/** Lets signed-in people through; sends the others to the sign-in page and back afterwards. */
export function SessionGate() {
  const styles = useStyles();
  const client = useQueryClient();
  const location = useLocation();
  const [ended, setEnded] = useState(false);
  const session = useQuery({ queryKey: sessionKey, queryFn: ({ signal }) => fetchSession(signal), staleTime: Infinity });
  const here = location.pathname + location.search;

  useEffect(() => {
    // The answer to the first question, "who am I?", is no session that ended.
    const leave = () => client.getQueryData(sessionKey) !== undefined && setEnded(true);
    window.addEventListener(sessionEnded, leave);
    return () => window.removeEventListener(sessionEnded, leave);
  }, [client]);

  if (ended) return <Navigate to={paths.signIn()} replace state={{ from: here, expired: true }} />;

  if (session.data) {
    return <SessionContext value={session.data}><Outlet /></SessionContext>;
  }
  if (session.error instanceof ApiError && session.error.status === 401) {
    return <Navigate to={paths.signIn()} replace state={{ from: here }} />;
  }
  if (!session.error) return <Loading />;
  return (
    <div className={styles.center}>
      <ErrorState error={session.error} what="Cannot reach Bartizan" retry={() => void session.refetch()} />
    </div>
  );
}
