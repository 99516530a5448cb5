import { makeStyles, mergeClasses, tokens, Breadcrumb, BreadcrumbItem, BreadcrumbButton, BreadcrumbDivider } from '@fluentui/react-components';
import { Fragment, useEffect, type ReactNode } from 'react';
import { Link, useLocation } from 'react-router';
import { crumbs } from '@/lib/paths';

const useStyles = makeStyles({
  page: { display: 'flex', flexDirection: 'column', minHeight: '100%', padding: '20px 32px 40px', gap: '20px', boxSizing: 'border-box' },
  fill: { height: '100%', minHeight: '560px', padding: '16px 24px 16px', gap: '12px' },
  narrow: { maxWidth: '1040px' },
  header: { display: 'flex', alignItems: 'flex-start', gap: '16px', flexWrap: 'wrap' },
  titles: { display: 'flex', flexDirection: 'column', gap: '2px', flexGrow: 1, minWidth: 0 },
  title: { margin: 0, fontSize: '24px', lineHeight: '32px', fontWeight: tokens.fontWeightSemibold, overflowWrap: 'anywhere' },
  subtitle: { color: tokens.colorNeutralForeground3, fontSize: tokens.fontSizeBase300 },
  actions: { display: 'flex', gap: '8px', alignItems: 'center', flexWrap: 'wrap' },
  crumbs: { marginLeft: '-8px', marginBottom: '-2px' },
});

interface PageProps {
  title: string;
  subtitle?: ReactNode;
  badge?: ReactNode;
  actions?: ReactNode;
  /** The page takes exactly the window's height and scrolls inside. */
  fill?: boolean;
  narrow?: boolean;
  /** Name of the thing shown, in place of the general last crumb. */
  leaf?: string;
  children: ReactNode;
}

/** Frame of every page: breadcrumb, heading, actions, content; also names the document. */
export function Page({ title, subtitle, badge, actions, fill, narrow, leaf, children }: PageProps) {
  const styles = useStyles();
  const { pathname } = useLocation();
  const trail = crumbs(pathname);
  useEffect(() => {
    document.title = `${leaf ?? title} – Bartizan`;
  }, [title, leaf]);
  return (
    <div className={mergeClasses(styles.page, fill && styles.fill, narrow && styles.narrow)}>
      <div>
        {trail.length > 1 && (
          <Breadcrumb aria-label="Breadcrumb" size="small" className={styles.crumbs}>
            {trail.map((crumb, at) => (
              <Fragment key={crumb.text}>
                {at > 0 && <BreadcrumbDivider />}
                <BreadcrumbItem>
                  {crumb.to ? <CrumbLink to={crumb.to} text={crumb.text} /> : (
                    <BreadcrumbButton current>{leaf ?? crumb.text}</BreadcrumbButton>
                  )}
                </BreadcrumbItem>
              </Fragment>
            ))}
          </Breadcrumb>
        )}
        <div className={styles.header}>
          <div className={styles.titles}>
            <div style={{ display: 'flex', alignItems: 'center', gap: 12 }}>
              <h1 className={styles.title}>{title}</h1>
              {badge}
            </div>
            {subtitle && <div className={styles.subtitle}>{subtitle}</div>}
          </div>
          {actions && <div className={styles.actions}>{actions}</div>}
        </div>
      </div>
      {children}
    </div>
  );
}

const useLinkStyles = makeStyles({
  link: {
    color: tokens.colorNeutralForeground2,
    textDecorationLine: 'none',
    padding: '2px 8px',
    fontSize: tokens.fontSizeBase200,
    ':hover': { textDecorationLine: 'underline', color: tokens.colorNeutralForeground2Hover },
  },
});

function CrumbLink({ to, text }: { to: string; text: string }) {
  return <Link to={to} className={useLinkStyles().link}>{text}</Link>;
}
