import { Button, makeStyles, mergeClasses, tokens } from '@fluentui/react-components';
import { ArrowDownRegular } from '@fluentui/react-icons/svg/arrow-down';
import { ArrowUpRegular } from '@fluentui/react-icons/svg/arrow-up';
import { useMemo, useState, type ReactNode } from 'react';
import { formatCount } from '@/lib/units';

export interface Column<T> {
  id: string;
  header: string;
  render: (row: T) => ReactNode;
  /** Makes the column sortable. */
  sort?: (row: T) => string | number;
  width?: string;
  align?: 'end';
  /** Let the text wrap; otherwise it is cut with an ellipsis. */
  wrap?: boolean;
}

const useStyles = makeStyles({
  scroll: { overflowX: 'auto', width: '100%' },
  table: { width: '100%', borderCollapse: 'collapse', tableLayout: 'fixed', fontSize: tokens.fontSizeBase300 },
  th: {
    boxSizing: 'border-box', textAlign: 'left', fontWeight: tokens.fontWeightSemibold, fontSize: tokens.fontSizeBase200, color: tokens.colorNeutralForeground3,
    padding: '0 12px', height: '36px', borderBottom: `1px solid ${tokens.colorNeutralStroke2}`, whiteSpace: 'nowrap',
  },
  sort: {
    backgroundColor: 'transparent', border: 'none', padding: 0, color: 'inherit', fontFamily: 'inherit', fontSize: 'inherit', fontWeight: 'inherit', textAlign: 'inherit', display: 'inline-flex', alignItems: 'center', gap: '4px', cursor: 'pointer', borderRadius: tokens.borderRadiusSmall,
    ':hover': { color: tokens.colorNeutralForeground1 },
    ':focus-visible': { outline: `2px solid ${tokens.colorStrokeFocus2}`, outlineOffset: '2px' },
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
  initialSort?: { id: string; descending?: boolean };
  minWidth?: number;
  empty?: ReactNode;
}

const pageSize = 100;

/** A plain table with sortable headers; long lists grow on request. */
export function DataTable<T>({ label, columns, rows, rowKey, initialSort, minWidth = 720, empty }: DataTableProps<T>) {
  const styles = useStyles();
  const [sort, setSort] = useState(initialSort);
  const [shown, setShown] = useState(pageSize);
  const sorted = useMemo(() => {
    const by = columns.find((column) => column.id === sort?.id)?.sort;
    if (!by) return rows;
    const sign = sort?.descending ? -1 : 1;
    return [...rows].sort((left, right) => sign * compare(by(left), by(right)));
  }, [rows, columns, sort]);

  if (rows.length === 0 && empty) return <>{empty}</>;
  return (
    <div className={styles.scroll}>
      <table className={styles.table} style={{ minWidth }} aria-label={label}>
        <thead>
          <tr>
            {columns.map((column) => {
              const active = sort?.id === column.id;
              const order = active ? (sort.descending ? 'descending' : 'ascending') : undefined;
              return (
                <th key={column.id} scope="col" style={{ width: column.width }} aria-sort={order}
                  className={mergeClasses(styles.th, styles.edge, column.align === 'end' && styles.end)}>
                  {column.sort ? (
                    <button type="button" className={styles.sort}
                      onClick={() => setSort({ id: column.id, descending: active ? !sort.descending : false })}>
                      {column.header}
                      {active && (sort.descending ? <ArrowDownRegular aria-hidden /> : <ArrowUpRegular aria-hidden />)}
                    </button>
                  ) : column.header}
                </th>
              );
            })}
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

function compare(left: string | number, right: string | number): number {
  if (typeof left === 'number' && typeof right === 'number') return left - right;
  return String(left).localeCompare(String(right), undefined, { numeric: true, sensitivity: 'base' });
}
