import { Button, makeStyles, mergeClasses, tokens } from '@fluentui/react-components';
import { CheckmarkRegular } from '@fluentui/react-icons/svg/checkmark';
import { useState, type ReactNode } from 'react';

const useStyles = makeStyles({
  root: { display: 'flex', flexDirection: 'column', gap: '20px' },
  steps: { display: 'flex', flexWrap: 'wrap', gap: '6px', listStyle: 'none', margin: 0, padding: 0 },
  step: {
    display: 'flex', alignItems: 'center', gap: '8px', padding: '6px 12px 6px 8px', border: 'none', borderRadius: tokens.borderRadiusMedium, backgroundColor: 'transparent', color: tokens.colorNeutralForeground2, fontFamily: 'inherit', fontSize: tokens.fontSizeBase300, cursor: 'pointer',
    ':hover:enabled': { backgroundColor: tokens.colorSubtleBackgroundHover },
    ':focus-visible': { outline: `2px solid ${tokens.colorStrokeFocus2}` },
    ':disabled': { cursor: 'default', color: tokens.colorNeutralForeground3 },
  },
  current: { fontWeight: tokens.fontWeightSemibold, color: tokens.colorNeutralForeground1, backgroundColor: tokens.colorSubtleBackgroundSelected },
  number: { display: 'inline-flex', alignItems: 'center', justifyContent: 'center', width: '22px', height: '22px', borderRadius: '50%', fontSize: tokens.fontSizeBase200, border: `1px solid ${tokens.colorNeutralStroke1}` },
  reached: { backgroundColor: tokens.colorBrandBackground, color: tokens.colorNeutralForegroundOnBrand, border: `1px solid ${tokens.colorBrandBackground}` },
  content: { display: 'flex', flexDirection: 'column', gap: '16px', minHeight: '180px' },
  actions: { display: 'flex', gap: '8px' },
});

export interface Step {
  id: string;
  title: string;
  /** Whether the next step may be opened. */
  ready: boolean;
  content: ReactNode;
}

interface WizardProps {
  label: string;
  steps: readonly Step[];
  /** Text of the last step's button; without it the last step has none. */
  finish?: string;
  busy?: boolean;
  onFinish?: () => void;
  onCancel?: () => void;
  /** Called when a step is opened. */
  onStep?: (id: string) => void;
}

/** Steps that are filled in one after the other; earlier ones can be opened again. */
export function Wizard({ label, steps, finish, busy, onFinish, onCancel, onStep }: WizardProps) {
  const styles = useStyles();
  const [at, setAt] = useState(0);
  const step = steps[at];
  if (!step) return null;
  const last = at === steps.length - 1;
  const open = (to: number) => {
    setAt(to);
    onStep?.(steps[to]?.id ?? '');
  };
  const blocked = steps.findIndex((entry) => !entry.ready);
  return (
    <form className={styles.root} aria-label={label} onSubmit={(event) => {
      event.preventDefault();
      if (!step.ready || busy) return;
      if (last) onFinish?.();
      else open(at + 1);
    }}>
      <ol className={styles.steps}>
        {steps.map((entry, index) => (
          <li key={entry.id}>
            <button type="button" className={mergeClasses(styles.step, index === at && styles.current)} aria-current={index === at ? 'step' : undefined}
              disabled={blocked >= 0 && index > blocked} onClick={() => open(index)}>
              <span className={mergeClasses(styles.number, index <= at && styles.reached)} aria-hidden>{index < at ? <CheckmarkRegular /> : index + 1}</span>
              {entry.title}
            </button>
          </li>
        ))}
      </ol>
      <div className={styles.content}>{step.content}</div>
      <div className={styles.actions}>
        {at > 0 && <Button type="button" onClick={() => open(at - 1)}>Previous</Button>}
        {!last && <Button appearance="primary" type="submit" disabled={!step.ready}>Next</Button>}
        {last && finish && <Button appearance="primary" type="submit" disabled={!step.ready || busy}>{busy ? 'One moment…' : finish}</Button>}
        {onCancel && <Button type="button" appearance="subtle" onClick={onCancel}>Cancel</Button>}
      </div>
    </form>
  );
}
