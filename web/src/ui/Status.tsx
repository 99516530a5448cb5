import { makeStyles, Spinner } from '@fluentui/react-components';
import { CheckmarkCircleFilled } from '@fluentui/react-icons/svg/checkmark-circle';
import { DismissCircleFilled } from '@fluentui/react-icons/svg/dismiss-circle';
import { SubtractCircleRegular } from '@fluentui/react-icons/svg/subtract-circle';
import { WarningFilled } from '@fluentui/react-icons/svg/warning';
import type { ReactNode } from 'react';
import { toneColor, type Tone } from './palette';

const useStyles = makeStyles({
  root: { display: 'inline-flex', alignItems: 'center', gap: '6px', whiteSpace: 'nowrap', verticalAlign: 'bottom' },
  icon: { fontSize: '16px', display: 'inline-flex', flexShrink: 0 },
});

/** A state as icon and word. */
export function Status({ tone, children, title }: { tone: Tone; children: ReactNode; title?: string }) {
  const styles = useStyles();
  return (
    <span className={styles.root} title={title}>
      <span className={styles.icon} style={{ color: toneColor[tone] }} aria-hidden>{icons[tone]}</span>
      <span>{children}</span>
    </span>
  );
}

const icons: Record<Tone, ReactNode> = {
  good: <CheckmarkCircleFilled />,
  bad: <DismissCircleFilled />,
  warn: <WarningFilled />,
  caution: <WarningFilled />,
  busy: <Spinner size="extra-tiny" />,
  neutral: <SubtractCircleRegular />,
};
