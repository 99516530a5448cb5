import {
  Avatar, Button, makeStyles, Menu, MenuDivider, MenuItem, MenuItemRadio, MenuList, MenuPopover, MenuTrigger, tokens, Tooltip,
} from '@fluentui/react-components';
import { ArrowExitRegular } from '@fluentui/react-icons/svg/arrow-exit';
import { DarkThemeRegular } from '@fluentui/react-icons/svg/dark-theme';
import { NavigationRegular } from '@fluentui/react-icons/svg/navigation';
import { PersonRegular } from '@fluentui/react-icons/svg/person';
import { Link, useNavigate } from 'react-router';
import type { LiveState } from '@/api/live';
import { useSession } from '@/api/session';
import { paths } from '@/lib/paths';
import { SubscriptionMenu } from './SubscriptionMenu';
import { useThemeChoice, type ThemeChoice } from './theme';

const useStyles = makeStyles({
  bar: {
    display: 'flex', alignItems: 'center', gap: '8px', height: '48px', flexShrink: 0, padding: '0 12px 0 12px', boxSizing: 'border-box',
    backgroundColor: tokens.colorNeutralBackground1, borderBottom: `1px solid ${tokens.colorNeutralStroke2}`,
  },
  brand: { display: 'flex', alignItems: 'center', gap: '10px', color: tokens.colorNeutralForeground1, textDecorationLine: 'none', fontWeight: tokens.fontWeightSemibold, fontSize: tokens.fontSizeBase400, borderRadius: tokens.borderRadiusMedium, padding: '2px 6px' },
  scope: { display: 'flex', flexDirection: 'column', alignItems: 'flex-end', marginLeft: 'auto', paddingRight: '8px', lineHeight: 1.25, fontSize: tokens.fontSizeBase200, color: tokens.colorNeutralForeground3 },
  live: { display: 'inline-flex', alignItems: 'center', gap: '6px', fontSize: tokens.fontSizeBase200, color: tokens.colorNeutralForeground3, padding: '0 8px' },
  dot: { width: '8px', height: '8px', borderRadius: '50%' },
  user: { padding: '0 4px', minWidth: 'auto' },
  who: { padding: '8px 12px 6px', display: 'flex', flexDirection: 'column' },
  faint: { color: tokens.colorNeutralForeground3, fontSize: tokens.fontSizeBase200 },
});

const liveText: Record<LiveState, [string, string]> = {
  connecting: ['Connecting', tokens.colorNeutralForeground4],
  live: ['Live', tokens.colorStatusSuccessForeground3],
  lost: ['Reconnecting', tokens.colorStatusWarningForeground3],
};

interface TopBarProps {
  live: LiveState;
  onToggleMenu: () => void;
  onSignOut: () => void;
}

export function TopBar({ live, onToggleMenu, onSignOut }: TopBarProps) {
  const styles = useStyles();
  const session = useSession();
  const navigate = useNavigate();
  const [choice, setChoice] = useThemeChoice();
  const [text, color] = liveText[live];
  return (
    <header className={styles.bar}>
      <Button appearance="subtle" icon={<NavigationRegular />} aria-label="Show or hide menu text" onClick={onToggleMenu} />
      <Link to={paths.overview()} className={styles.brand}>
        <img src="/bartizan.svg" width="24" height="24" alt="" />
        Bartizan
      </Link>
      <span className={styles.scope}><SubscriptionMenu /></span>
      <Tooltip relationship="description" content={live === 'live' ? 'Pages update by themselves' : 'Updates arrive when the connection is back'}>
        <span className={styles.live} role="status"><span className={styles.dot} style={{ backgroundColor: color }} aria-hidden />{text}</span>
      </Tooltip>
      <Menu checkedValues={{ theme: [choice] }} onCheckedValueChange={(_, data) => setChoice((data.checkedItems[0] ?? 'system') as ThemeChoice)}>
        <MenuTrigger disableButtonEnhancement>
          <Button appearance="subtle" icon={<DarkThemeRegular />} aria-label="Theme" />
        </MenuTrigger>
        <MenuPopover>
          <MenuList>
            <MenuItemRadio name="theme" value="system">Same as system</MenuItemRadio>
            <MenuItemRadio name="theme" value="light">Light</MenuItemRadio>
            <MenuItemRadio name="theme" value="dark">Dark</MenuItemRadio>
          </MenuList>
        </MenuPopover>
      </Menu>
      <Menu>
        <MenuTrigger disableButtonEnhancement>
          <Button appearance="subtle" className={styles.user} aria-label={`Account of ${session.name}`}>
            <Avatar size={28} name={session.name} color="brand" />
          </Button>
        </MenuTrigger>
        <MenuPopover>
          <div className={styles.who}>
            <span>{session.name}</span>
            <span className={styles.faint}>Version {session.version}</span>
          </div>
          <MenuDivider />
          <MenuList>
            <MenuItem icon={<PersonRegular />} onClick={() => void navigate(paths.account())}>Your account</MenuItem>
            <MenuItem icon={<ArrowExitRegular />} onClick={onSignOut}>Sign out</MenuItem>
          </MenuList>
        </MenuPopover>
      </Menu>
    </header>
  );
}
