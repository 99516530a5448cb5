/** What a page shows when there is nothing to show yet, nothing at all, or an error. */
import { Button, makeStyles, MessageBar, MessageBarActions, MessageBarBody, MessageBarTitle, Skeleton, SkeletonItem, tokens } from '@fluentui/react-components';
import type { ReactNode } from 'react';
import { ApiError, errorText } from '@/api/errors';

const useStyles = makeStyles({
  empty: {
    display: 'flex', flexDirection: 'column', alignItems: 'center', justifyContent: 'center', gap: '8px',
    padding: '40px 24px', textAlign: 'center', color: tokens.colorNeutralForeground3,
  },
  icon: { fontSize: '40px', color: tokens.colorNeutralForeground4, display: 'inline-flex' },
  title: { color: tokens.colorNeutralForeground1, fontWeight: tokens.fontWeightSemibold, fontSize: tokens.fontSizeBase400 },
  text: { maxWidth: '440px', lineHeight: tokens.lineHeightBase300 },
  details: { margin: '4px 0 0', paddingLeft: '18px' },
  rows: { display: 'flex', flexDirection: 'column', gap: '14px', padding: '16px 20px' },
});

export function EmptyState({ icon, title, children, action }: { icon?: ReactNode; title: string; children?: ReactNode; action?: ReactNode }) {
  const styles = useStyles();
  return (
    <div className={styles.empty}>
      {icon && <span className={styles.icon} aria-hidden>{icon}</span>}
      <div className={styles.title}>{title}</div>
      {children && <div className={styles.text}>{children}</div>}
      {action}
    </div>
  );
}

export function ErrorState({ error, retry, what }: { error: unknown; retry?: () => void; what?: string }) {
  const styles = useStyles();
  const details = error instanceof ApiError ? error.details : [];
  const code = error instanceof ApiError ? error.code : undefined;
  return (
    <MessageBar intent="error" layout="multiline" role="alert">
      <MessageBarBody>
        <MessageBarTitle>{what ?? 'Something went wrong'}</MessageBarTitle>
        {errorText(error)} {code && <span>({code})</span>}
        {details.length > 0 && (
          <ul className={styles.details}>{details.map((detail) => <li key={detail.message}>{detail.message}</li>)}</ul>
        )}
      </MessageBarBody>
      {retry && <MessageBarActions><Button size="small" onClick={retry}>Try again</Button></MessageBarActions>}
    </MessageBar>
  );
}

export function RowsSkeleton({ rows = 6, label = 'Loading' }: { rows?: number; label?: string }) {
  const styles = useStyles();
  return (
    <Skeleton aria-label={label} aria-busy className={styles.rows}>
      {Array.from({ length: rows }, (_, at) => (
        <SkeletonItem key={at} size={16} style={{ width: `${96 - ((at * 7) % 30)}%` }} />
      ))}
    </Skeleton>
  );
}

interface Loadable<T> {
  data: T | undefined;
  error: unknown;
  isPending: boolean;
  refetch: () => unknown;
}

/** Renders `children` once data is there; a skeleton before, the error when it failed. */
export function Loaded<T>({ query, what, rows, children }: { query: Loadable<T>; what: string; rows?: number; children: (data: T) => ReactNode }) {
  if (query.data !== undefined) return <>{children(query.data)}</>;
  if (query.error) return <ErrorState error={query.error} what={`Cannot load ${what}`} retry={() => void query.refetch()} />;
  return <RowsSkeleton rows={rows ?? 6} label={`Loading ${what}`} />;
}
