import { makeStyles, mergeClasses, tokens } from '@fluentui/react-components';
import { useVirtualizer } from '@tanstack/react-virtual';
import { useEffect, useRef, type ReactNode } from 'react';
import { HeaderText, useSorting, type Column, type SortBy } from './sorting';

const rowHeight = 41;

const useStyles = makeStyles({
  scroll: { overflow: 'auto', maxHeight: 'max(380px, calc(100vh - 320px))', ':focus-visible': { outline: `2px solid ${tokens.colorStrokeFocus2}`, outlineOffset: '-2px' } },
  row: { display: 'grid', alignItems: 'center', boxSizing: 'border-box', columnGap: '12px', padding: '0 20px', minWidth: '100%' },
  head: { position: 'sticky', top: 0, zIndex: 1, height: '36px', backgroundColor: tokens.colorNeutralBackground1, borderBottom: `1px solid ${tokens.colorNeutralStroke2}`, fontSize: tokens.fontSizeBase200, fontWeight: tokens.fontWeightSemibold, color: tokens.colorNeutralForeground3, whiteSpace: 'nowrap' },
  body: { position: 'relative' },
  line: { position: 'absolute', left: 0, right: 0, height: `${rowHeight}px`, borderBottom: `1px solid ${tokens.colorNeutralStroke3}`, ':hover': { backgroundColor: tokens.colorSubtleBackgroundHover } },
  cell: { overflow: 'hidden', textOverflow: 'ellipsis', whiteSpace: 'nowrap', minWidth: 0 },
  end: { textAlign: 'right' },
});

interface VirtualTableProps<T> {
  label: string;
  columns: readonly Column<T>[];
  rows: readonly T[];
  rowKey: (row: T) => string;
  initialSort?: SortBy;
  minWidth: number;
  /** Another text, such as another filter, shows the list from its beginning. */
  position?: string;
  empty: ReactNode;
}

/** A table of any length: only the rows in view are in the page. */
export function VirtualTable<T>({ label, columns, rows, rowKey, initialSort, minWidth, position, empty }: VirtualTableProps<T>) {
  const styles = useStyles();
  const scroll = useRef<HTMLDivElement>(null);
  const { sorted, orderOf, toggle } = useSorting(columns, rows, initialSort);
  const view = useVirtualizer({
    count: sorted.length,
    getScrollElement: () => scroll.current,
    estimateSize: () => rowHeight,
    getItemKey: (at) => { const row = sorted[at]; return row ? rowKey(row) : at; },
    overscan: 10,
  });
  useEffect(() => {
    scroll.current?.scrollTo(0, 0);
  }, [position]);
  if (rows.length === 0) return <>{empty}</>;
  const grid = { gridTemplateColumns: columns.map((column) => column.width ?? 'minmax(140px, 1fr)').join(' '), minWidth };
  return (
    <div ref={scroll} className={styles.scroll} role="table" aria-label={label} aria-rowcount={sorted.length + 1} tabIndex={0}>
      <div role="rowgroup" className={styles.head} style={{ minWidth }}>
        <div role="row" aria-rowindex={1} className={styles.row} style={{ ...grid, height: '100%' }}>
          {columns.map((column) => (
            <div key={column.id} role="columnheader" aria-label={column.header === '' ? 'Actions' : undefined} aria-sort={orderOf(column)} className={mergeClasses(column.align === 'end' && styles.end)}>
              <HeaderText column={column} order={orderOf(column)} onSort={() => toggle(column)} />
            </div>
          ))}
        </div>
      </div>
      <div role="rowgroup" className={styles.body} style={{ height: view.getTotalSize(), minWidth }}>
        {view.getVirtualItems().map((item) => {
          const row = sorted[item.index];
          return row && (
            <div key={item.key} role="row" aria-rowindex={item.index + 2} className={mergeClasses(styles.row, styles.line)} style={{ ...grid, transform: `translateY(${item.start}px)` }}>
              {columns.map((column) => <div key={column.id} role="cell" className={mergeClasses(styles.cell, column.align === 'end' && styles.end)}>{column.render(row)}</div>)}
            </div>
          );
        })}
      </div>
    </div>
  );
}
