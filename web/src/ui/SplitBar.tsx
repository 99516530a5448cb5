import { makeStyles, tokens } from '@fluentui/react-components';

export interface Slice {
  label: string;
  value: number;
  color: string;
}

const useStyles = makeStyles({
  bar: { display: 'flex', height: '8px', borderRadius: '4px', overflow: 'hidden', backgroundColor: tokens.colorNeutralStroke2, gap: '2px', width: '100%' },
});

/** Parts of a whole as one thin bar. The words are beside it or in its label. */
export function SplitBar({ slices, label }: { slices: readonly Slice[]; label: string }) {
  const styles = useStyles();
  const total = slices.reduce((sum, slice) => sum + slice.value, 0);
  const text = slices.map((slice) => `${slice.value} ${slice.label}`).join(', ');
  return (
    <div className={styles.bar} role="img" aria-label={`${label}: ${text}`}>
      {total > 0 && slices.filter((slice) => slice.value > 0).map((slice) => (
        <span key={slice.label} style={{ flexGrow: slice.value, flexBasis: 0, minWidth: 4, backgroundColor: slice.color }} />
      ))}
    </div>
  );
}
