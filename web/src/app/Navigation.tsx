import { makeStyles, mergeClasses, Tooltip, tokens } from '@fluentui/react-components';
import { Link, useLocation } from 'react-router';
import { activeItem, navigation } from './navigation';

const useStyles = makeStyles({
  nav: {
    width: '228px', flexShrink: 0, overflowY: 'auto', padding: '12px 10px 24px', boxSizing: 'border-box',
    backgroundColor: tokens.colorNeutralBackground1, borderRight: `1px solid ${tokens.colorNeutralStroke2}`,
  },
  narrow: { width: '57px' },
  group: { padding: '14px 12px 6px', fontSize: tokens.fontSizeBase200, color: tokens.colorNeutralForeground3, fontWeight: tokens.fontWeightSemibold },
  rule: { margin: '10px 8px', height: '1px', backgroundColor: tokens.colorNeutralStroke2 },
  list: { listStyle: 'none', margin: 0, padding: 0, display: 'flex', flexDirection: 'column', gap: '2px' },
  item: {
    position: 'relative', display: 'flex', alignItems: 'center', gap: '12px', height: '36px', padding: '0 12px 0 10px', boxSizing: 'border-box',
    borderRadius: tokens.borderRadiusMedium, color: tokens.colorNeutralForeground2, textDecorationLine: 'none', whiteSpace: 'nowrap', fontSize: tokens.fontSizeBase300,
    ':hover': { backgroundColor: tokens.colorSubtleBackgroundHover, color: tokens.colorNeutralForeground1 },
    ':focus-visible': { outline: `2px solid ${tokens.colorStrokeFocus2}`, outlineOffset: '-2px' },
  },
  active: {
    backgroundColor: tokens.colorSubtleBackgroundSelected, color: tokens.colorNeutralForeground1, fontWeight: tokens.fontWeightSemibold,
    '::before': { content: '""', position: 'absolute', left: 0, top: '9px', bottom: '9px', width: '3px', borderRadius: '2px', backgroundColor: tokens.colorCompoundBrandBackground },
  },
  icon: { fontSize: '18px', display: 'inline-flex', flexShrink: 0 },
  activeIcon: { color: tokens.colorCompoundBrandForeground1 },
});

export function Navigation({ narrow }: { narrow: boolean }) {
  const styles = useStyles();
  const { pathname } = useLocation();
  const active = activeItem(pathname);
  return (
    <nav className={mergeClasses(styles.nav, narrow && styles.narrow)} aria-label="Main">
      {navigation.map(({ group, items }, at) => (
        <div key={group} role="group" aria-label={group}>
          {narrow ? at > 0 && <div className={styles.rule} /> : <div className={styles.group}>{group}</div>}
          <ul className={styles.list}>
            {items.map(({ text, to, icon: Icon }) => {
              const link = (
                <Link to={to} className={mergeClasses(styles.item, to === active && styles.active)}
                  aria-current={to === active ? 'page' : undefined} aria-label={narrow ? text : undefined}>
                  <span className={mergeClasses(styles.icon, to === active && styles.activeIcon)} aria-hidden><Icon /></span>
                  {!narrow && text}
                </Link>
              );
              return <li key={to}>{narrow ? <Tooltip content={text} relationship="label" positioning="after">{link}</Tooltip> : link}</li>;
            })}
          </ul>
        </div>
      ))}
    </nav>
  );
}
