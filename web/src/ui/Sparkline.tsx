import { makeStyles, tokens } from '@fluentui/react-components';

const useStyles = makeStyles({
  root: { display: 'block', width: '100%', overflow: 'visible' },
  bar: { fill: tokens.colorBrandBackground },
  empty: { fill: tokens.colorNeutralStroke2 },
});

/** Bars without axes: how a number went over time. `label` says it in words. */
export function Sparkline({ values, label, height = 36 }: { values: readonly number[]; label: string; height?: number }) {
  const styles = useStyles();
  const most = Math.max(1, ...values);
  const step = 100 / Math.max(1, values.length);
  return (
    <svg className={styles.root} role="img" aria-label={label} viewBox={`0 0 100 ${height}`} height={height} preserveAspectRatio="none">
      {values.map((value, at) => {
        // A few rows are still to be seen beside many.
        const tall = value === 0 ? 1 : Math.max(3, (value / most) * height);
        return <rect key={at} className={value === 0 ? styles.empty : styles.bar} x={at * step + step * 0.1} width={step * 0.8} y={height - tall} height={tall} />;
      })}
    </svg>
  );
}
