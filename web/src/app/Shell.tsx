import { makeStyles, tokens } from '@fluentui/react-components';
import { useQueryClient } from '@tanstack/react-query';
import { Suspense, useEffect, useRef, useState } from 'react';
import { Outlet, useLocation, useNavigate } from 'react-router';
import { listenForChanges, type LiveState } from '@/api/live';
import { signOut } from '@/api/session';
import { paths } from '@/lib/paths';
import { RowsSkeleton } from '@/ui/states';
import { Navigation } from './Navigation';
import { TopBar } from './TopBar';

const useStyles = makeStyles({
  root: { display: 'flex', flexDirection: 'column', height: '100%' },
  body: { display: 'flex', flexGrow: 1, minHeight: 0 },
  main: { flexGrow: 1, minWidth: 0, overflowY: 'auto', outlineStyle: 'none', scrollbarGutter: 'stable' },
  skip: {
    position: 'absolute', left: '-9999px', zIndex: 10, padding: '8px 16px', backgroundColor: tokens.colorNeutralBackground1,
    ':focus': { left: '12px', top: '8px' },
  },
});

/** Top bar, menu, and the page. */
export function Shell() {
  const styles = useStyles();
  const client = useQueryClient();
  const navigate = useNavigate();
  const { pathname } = useLocation();
  const main = useRef<HTMLElement>(null);
  const [live, setLive] = useState<LiveState>('connecting');
  const [narrow, setNarrow] = useState(() => localStorage.getItem('bartizan-menu') === 'narrow');

  useEffect(() => listenForChanges(client, setLive), [client]);
  // A new page starts at its top, also for the screen reader.
  useEffect(() => {
    main.current?.scrollTo(0, 0);
  }, [pathname]);

  const toggle = () => {
    localStorage.setItem('bartizan-menu', narrow ? 'wide' : 'narrow');
    setNarrow(!narrow);
  };
  const leave = async () => {
    await signOut().catch(() => undefined);
    client.clear();
    void navigate(paths.signIn());
  };
  return (
    <div className={styles.root}>
      <a href="#main" className={styles.skip}>Skip to content</a>
      <TopBar live={live} onToggleMenu={toggle} onSignOut={() => void leave()} />
      <div className={styles.body}>
        <Navigation narrow={narrow} />
        <main id="main" ref={main} className={styles.main} tabIndex={-1}>
          <Suspense fallback={<RowsSkeleton rows={8} />}>
            <Outlet />
          </Suspense>
        </main>
      </div>
    </div>
  );
}
