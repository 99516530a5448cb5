import { makeStyles } from '@fluentui/react-components';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect } from 'react';
import { Navigate, Outlet, useLocation, useNavigate } from 'react-router';
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
  const navigate = useNavigate();
  const location = useLocation();
  const session = useQuery({ queryKey: sessionKey, queryFn: ({ signal }) => fetchSession(signal), staleTime: Infinity });
  const here = location.pathname + location.search;

  useEffect(() => {
    const leave = () => {
      client.removeQueries({ queryKey: sessionKey });
      void navigate(paths.signIn(), { state: { from: here, expired: true } });
    };
    window.addEventListener(sessionEnded, leave);
    return () => window.removeEventListener(sessionEnded, leave);
  }, [client, navigate, here]);

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
