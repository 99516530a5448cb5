import { makeStyles, tokens } from '@fluentui/react-components';
import type { QueryColumn } from '@/api/types';
import { CopyButton } from '@/ui/CopyButton';
import { cellText, prettyJson } from './result';

const useStyles = makeStyles({
  root: { position: 'sticky', left: '34px', width: 'fit-content', maxWidth: 'min(900px, 70vw)', padding: '4px 12px 14px', display: 'flex', flexDirection: 'column', gap: '8px', cursor: 'auto' },
  grid: { display: 'grid', gridTemplateColumns: 'max-content minmax(0, 1fr)', columnGap: '24px', rowGap: '4px', margin: 0 },
  name: { color: tokens.colorNeutralForeground3, overflowWrap: 'anywhere', maxWidth: '260px' },
  value: { margin: 0, overflowWrap: 'anywhere', userSelect: 'text' },
  json: { margin: 0, fontFamily: tokens.fontFamilyMonospace, fontSize: '12px', whiteSpace: 'pre-wrap', backgroundColor: tokens.colorNeutralBackground3, padding: '6px 10px', borderRadius: tokens.borderRadiusMedium, maxHeight: '320px', overflowY: 'auto' },
});

/** All columns of one row, dynamics laid out, empty values left out. */
export function RowDetails({ columns, row }: { columns: readonly QueryColumn[]; row: readonly unknown[] }) {
  const styles = useStyles();
  const json = JSON.stringify(Object.fromEntries(columns.map((column, at) => [column.name, row[at] ?? null])), null, 2);
  return (
    <div className={styles.root}>
      <div><CopyButton text={json} label="Copy row as JSON" /></div>
      <dl className={styles.grid}>
        {columns.map((column, at) => {
          const text = cellText(row[at], column.type);
          if (text === '') return null;
          const pretty = column.type === 'dynamic' || column.type === 'string' ? prettyJson(row[at]) : undefined;
          return [
            <dt key={`${at}n`} className={styles.name}>{column.name}</dt>,
            <dd key={`${at}v`} className={styles.value}>{pretty ? <pre className={styles.json}>{pretty}</pre> : text}</dd>,
          ];
        })}
      </dl>
    </div>
  );
}
