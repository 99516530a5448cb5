import { makeStyles, mergeClasses, tokens } from '@fluentui/react-components';
import type { ReactNode } from 'react';
import { Link, useLocation } from 'react-router';
import { useSession } from '@/api/session';
import { paths } from '@/lib/paths';
import { Page } from '@/ui/Page';

const useStyles = makeStyles({
  grid: { display: 'flex', flexDirection: 'column', gap: '16px' },
  menu: { display: 'flex', flexWrap: 'wrap', gap: '4px', marginLeft: '-12px' },
  link: {
    padding: '6px 12px', borderRadius: tokens.borderRadiusMedium, color: tokens.colorNeutralForeground2, textDecorationLine: 'none',
    ':hover': { backgroundColor: tokens.colorSubtleBackgroundHover, color: tokens.colorNeutralForeground1 },
    ':focus-visible': { outline: `2px solid ${tokens.colorStrokeFocus2}`, outlineOffset: '-2px' },
  },
  active: { backgroundColor: tokens.colorSubtleBackgroundSelected, color: tokens.colorNeutralForeground1, fontWeight: tokens.fontWeightSemibold },
  body: { display: 'flex', flexDirection: 'column', gap: '16px', minWidth: 0 },
});

/** Frame of a subscription's settings, with their menu. */
export function SettingsFrame({ title, actions, children }: { title: string; actions?: ReactNode; children: ReactNode }) {
  const styles = useStyles();
  const session = useSession();
  const { pathname } = useLocation();
  const { subscriptionId: id, subscriptionName } = session;
  const items = [
    [paths.plans(id), 'Defender plans'],
    [paths.provisioning(id), 'Settings and monitoring'],
    [paths.coverage(id), 'Coverage'],
    [paths.policy(id), 'Security policy'],
    [paths.workspaceSettings(id), 'Workspace'],
  ] as const;
  return (
    <Page title={title} subtitle={`Subscription ${subscriptionName}`} actions={actions}>
      <div className={styles.grid}>
        <nav className={styles.menu} aria-label="Settings of the subscription">
          {items.map(([to, text]) => (
            <Link key={to} to={to} aria-current={to === pathname ? 'page' : undefined} className={mergeClasses(styles.link, to === pathname && styles.active)}>{text}</Link>
          ))}
        </nav>
        <div className={styles.body}>{children}</div>
      </div>
    </Page>
  );
}
