import { makeStyles, tokens } from '@fluentui/react-components';
import { CopyButton } from './CopyButton';

const useStyles = makeStyles({
  root: { position: 'relative', borderRadius: tokens.borderRadiusMedium, backgroundColor: tokens.colorNeutralBackground3 },
  text: { margin: 0, padding: '12px 84px 12px 14px', fontFamily: tokens.fontFamilyMonospace, fontSize: '13px', lineHeight: '20px', whiteSpace: 'pre-wrap', overflowWrap: 'anywhere', borderRadius: tokens.borderRadiusMedium, ':focus-visible': { outline: `2px solid ${tokens.colorStrokeFocus2}` } },
  copy: { position: 'absolute', top: '6px', right: '6px', backgroundColor: tokens.colorNeutralBackground3, borderRadius: tokens.borderRadiusMedium },
});

/** Lines to copy into a terminal or a file. */
export function CodeBlock({ text, label }: { text: string; label: string }) {
  const styles = useStyles();
  return (
    <div className={styles.root}>
      <pre className={styles.text} tabIndex={0} aria-label={label}>{text}</pre>
      <span className={styles.copy}><CopyButton text={text} label="Copy" /></span>
    </div>
  );
}
