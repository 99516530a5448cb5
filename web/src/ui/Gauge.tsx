import { makeStyles, tokens } from '@fluentui/react-components';
import { toneColor, type Tone } from './palette';

const useStyles = makeStyles({
  root: { position: 'relative', display: 'inline-flex', flexShrink: 0 },
  text: { position: 'absolute', inset: 0, display: 'flex', flexDirection: 'column', alignItems: 'center', justifyContent: 'center' },
  value: { fontSize: '26px', lineHeight: '32px', fontWeight: tokens.fontWeightSemibold, fontVariantNumeric: 'tabular-nums' },
  caption: { fontSize: tokens.fontSizeBase200, color: tokens.colorNeutralForeground3 },
});

/** A ring that shows a percentage. */
export function Gauge({ value, label, caption, tone, size = 116 }: { value: number; label: string; caption?: string; tone: Tone; size?: number }) {
  const styles = useStyles();
  const stroke = 11;
  const radius = (size - stroke) / 2;
  const around = 2 * Math.PI * radius;
  const clamped = Math.min(100, Math.max(0, value));
  return (
    <div className={styles.root} role="img" aria-label={`${label}: ${clamped} percent`}>
      <svg width={size} height={size} viewBox={`0 0 ${size} ${size}`} aria-hidden>
        <circle cx={size / 2} cy={size / 2} r={radius} fill="none" stroke={tokens.colorNeutralStroke2} strokeWidth={stroke} />
        <circle cx={size / 2} cy={size / 2} r={radius} fill="none" stroke={toneColor[tone]} strokeWidth={stroke} strokeLinecap="round"
          strokeDasharray={`${(around * clamped) / 100} ${around}`} transform={`rotate(-90 ${size / 2} ${size / 2})`}
          style={{ transition: 'stroke-dasharray 400ms ease', opacity: clamped === 0 ? 0 : 1 }} />
      </svg>
      <div className={styles.text}>
        <span className={styles.value}>{clamped}%</span>
        {caption && <span className={styles.caption}>{caption}</span>}
      </div>
    </div>
  );
}

/** Good from 70, poor below 40. */
export function scoreTone(percent: number): Tone {
  return percent >= 70 ? 'good' : percent >= 40 ? 'warn' : 'bad';
}
