import { Button, makeStyles, mergeClasses, tokens } from '@fluentui/react-components';
import { useState, type ReactNode } from 'react';
import { formatCount } from '@/lib/units';
import { HeaderText, useSorting, type Column, type SortBy } from './sorting';

export type { Column };

const useStyles = makeStyles({
  scroll: { overflowX: 'auto', width: '100%' },
  table: { width: '100%', borderCollapse: 'collapse', tableLayout: 'fixed', fontSize: tokens.fontSizeBase300 },
  th: {
    boxSizing: 'border-box', textAlign: 'left', fontWeight: tokens.fontWeightSemibold, fontSize: tokens.fontSizeBase200, color: tokens.colorNeutralForeground3,
    padding: '0 12px', height: '36px', borderBottom: `1px solid ${tokens.colorNeutralStroke2}`, whiteSpace: 'nowrap',
  },
  td: {
    padding: '9px 12px', borderBottom: `1px solid ${tokens.colorNeutralStroke3}`, overflow: 'hidden', textOverflow: 'ellipsis', whiteSpace: 'nowrap',
    verticalAlign: 'middle', lineHeight: tokens.lineHeightBase300,
  },
  wrap: { whiteSpace: 'normal', overflowWrap: 'anywhere' },
  edge: { ':first-child': { paddingLeft: '20px' }, ':last-child': { paddingRight: '20px' } },
  row: { ':hover': { backgroundColor: tokens.colorSubtleBackgroundHover }, ':last-child > td': { borderBottomStyle: 'none' } },
  end: { textAlign: 'right' },
  more: { padding: '10px 20px' },
});

interface DataTableProps<T> {
  label: string;
  columns: readonly Column<T>[];
  rows: readonly T[];
  rowKey: (row: T) => string;
  initialSort?: SortBy;
  minWidth?: number;
  empty?: ReactNode;
}

const pageSize = 100;

/** A plain table with sortable headers; long lists grow on request. */
export function DataTable<T>({ label, columns, rows, rowKey, initialSort, minWidth = 720, empty }: DataTableProps<T>) {
  const styles = useStyles();
  const { sorted, orderOf, toggle } = useSorting(columns, rows, initialSort);
  const [shown, setShown] = useState(pageSize);

  if (rows.length === 0 && empty) return <>{empty}</>;
  return (
    <div className={styles.scroll}>
      <table className={styles.table} style={{ minWidth }} aria-label={label}>
        <thead>
          <tr>
            {columns.map((column) => (
              <th key={column.id} scope="col" style={{ width: column.width }} aria-sort={orderOf(column)} className={mergeClasses(styles.th, styles.edge, column.align === 'end' && styles.end)}>
                <HeaderText column={column} order={orderOf(column)} onSort={() => toggle(column)} />
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {sorted.slice(0, shown).map((row) => (
            <tr key={rowKey(row)} className={styles.row}>
              {columns.map((column) => (
                <td key={column.id} className={mergeClasses(styles.td, styles.edge, column.wrap && styles.wrap, column.align === 'end' && styles.end)}>
                  {column.render(row)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      {sorted.length > shown && (
        <div className={styles.more}>
          <Button appearance="subtle" onClick={() => setShown(shown + 5 * pageSize)}>
            Show more ({formatCount(shown)} of {formatCount(sorted.length)})
          </Button>
        </div>
      )}
    </div>
  );
}
