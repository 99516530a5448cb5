import { makeStyles, tokens } from '@fluentui/react-components';
import { asSeverity } from '@/lib/severity';
import { severityColor } from './palette';

const useStyles = makeStyles({
  root: { display: 'inline-flex', alignItems: 'center', gap: '8px', whiteSpace: 'nowrap', verticalAlign: 'bottom' },
  bar: { width: '4px', height: '16px', borderRadius: tokens.borderRadiusSmall, flexShrink: 0 },
});

/** A severity: colour for the eye, word for everyone. */
export function SeverityLabel({ severity }: { severity: string | undefined }) {
  const styles = useStyles();
  const level = asSeverity(severity);
  return (
    <span className={styles.root}>
      <span className={styles.bar} style={{ backgroundColor: severityColor[level] }} aria-hidden />
      {level}
    </span>
  );
}
