import { makeStyles, mergeClasses, tokens } from '@fluentui/react-components';
import { useId, type ReactNode } from 'react';

const useStyles = makeStyles({
  card: {
    display: 'flex',
    flexDirection: 'column',
    gap: '14px',
    padding: '18px 20px 20px',
    minWidth: 0,
    backgroundColor: tokens.colorNeutralBackground1,
    border: `1px solid ${tokens.colorNeutralStroke2}`,
    borderRadius: tokens.borderRadiusXLarge,
    boxShadow: tokens.shadow2,
  },
  head: { display: 'flex', alignItems: 'center', gap: '12px', minHeight: '24px' },
  title: { margin: 0, flexGrow: 1, fontSize: tokens.fontSizeBase400, lineHeight: tokens.lineHeightBase400, fontWeight: tokens.fontWeightSemibold },
  flush: { padding: '0', gap: '0', overflow: 'hidden' },
  flushHead: { padding: '16px 20px 12px' },
});

interface CardProps {
  title?: string;
  action?: ReactNode;
  /** Content reaches the card's edge (tables). */
  flush?: boolean;
  className?: string;
  children: ReactNode;
}

/** A titled region of a page. */
export function Card({ title, action, flush, className, children }: CardProps) {
  const styles = useStyles();
  const id = useId();
  return (
    <section className={mergeClasses(styles.card, flush && styles.flush, className)} aria-labelledby={title ? id : undefined}>
      {title && (
        <div className={mergeClasses(styles.head, flush && styles.flushHead)}>
          <h2 id={id} className={styles.title}>{title}</h2>
          {action}
        </div>
      )}
      {children}
    </section>
  );
}
