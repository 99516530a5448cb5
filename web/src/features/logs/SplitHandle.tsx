import { makeStyles, tokens } from '@fluentui/react-components';
import type { KeyboardEvent, PointerEvent } from 'react';

const useStyles = makeStyles({
  handle: {
    flexShrink: 0, height: '6px', cursor: 'row-resize', touchAction: 'none', borderTop: `1px solid ${tokens.colorNeutralStroke2}`, borderBottom: `1px solid ${tokens.colorNeutralStroke2}`, backgroundColor: tokens.colorNeutralBackground2,
    ':hover': { backgroundColor: tokens.colorNeutralBackground3 },
    ':focus-visible': { outline: `2px solid ${tokens.colorStrokeFocus2}`, outlineOffset: '-2px' },
  },
});

/** Drags (or moves by arrow keys) the border between editor and results. */
export function SplitHandle({ value, min, max, onChange }: { value: number; min: number; max: number; onChange: (value: number) => void }) {
  const styles = useStyles();
  const set = (next: number) => onChange(Math.min(max, Math.max(min, next)));
  const onPointerDown = (event: PointerEvent<HTMLDivElement>) => {
    const handle = event.currentTarget;
    const from = event.clientY;
    handle.setPointerCapture(event.pointerId);
    handle.onpointermove = (move) => set(value + move.clientY - from);
    handle.onpointerup = () => {
      handle.onpointermove = null;
    };
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === 'ArrowUp') set(value - 24);
    if (event.key === 'ArrowDown') set(value + 24);
  };
  return (
    <div className={styles.handle} role="separator" aria-orientation="horizontal" aria-label="Height of the editor" aria-valuenow={value} aria-valuemin={min} aria-valuemax={max}
      tabIndex={0} onPointerDown={onPointerDown} onKeyDown={onKeyDown} />
  );
}
