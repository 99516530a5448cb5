import { makeStyles } from '@fluentui/react-components';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useCallback, useEffect, useState } from 'react';
import { Navigate, Outlet, useLocation } from 'react-router';
import { sessionEnded } from '@/api/client';
import { ApiError } from '@/api/errors';
import { chosenSubscription, fetchSession, keepSubscription, SessionContext, sessionKey, SwitchContext, type ChosenSubscription } from '@/api/session';
import { useSubscriptions } from '@/api/tenant';
import { sameId } from '@/lib/arm-id';
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
  const [choice, setChoice] = useState(chosenSubscription);
  const change = useCallback((next: ChosenSubscription) => {
    keepSubscription(next);
    setChoice(next);
  }, []);
  const subscriptions = useSubscriptions(choice !== undefined && session.data !== undefined);
  const here = location.pathname + location.search;

  useEffect(() => {
    // The answer to the first question, "who am I?", is no session that ended.
    const leave = () => client.getQueryData(sessionKey) !== undefined && setEnded(true);
    window.addEventListener(sessionEnded, leave);
    return () => window.removeEventListener(sessionEnded, leave);
  }, [client]);

  if (ended) return <Navigate to={paths.signIn()} replace state={{ from: here, expired: true }} />;

  if (session.data) {
    // A choice of a subscription that is gone, or that one may not see any more, is no choice.
    const chosen = choice && subscriptions.data?.some((entry) => sameId(entry.subscriptionId, choice.id)) ? choice : undefined;
    const shown = chosen ? { ...session.data, subscriptionId: chosen.id, subscriptionName: chosen.name } : session.data;
    return <SwitchContext value={change}><SessionContext value={shown}><Outlet /></SessionContext></SwitchContext>;
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
