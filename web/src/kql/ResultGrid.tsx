import { makeStyles, mergeClasses, tokens } from '@fluentui/react-components';
import { ArrowDownRegular } from '@fluentui/react-icons/svg/arrow-down';
import { ArrowUpRegular } from '@fluentui/react-icons/svg/arrow-up';
import { ChevronDownRegular } from '@fluentui/react-icons/svg/chevron-down';
import { ChevronRightRegular } from '@fluentui/react-icons/svg/chevron-right';
import { useVirtualizer } from '@tanstack/react-virtual';
import { useMemo, useRef, useState, type KeyboardEvent, type PointerEvent } from 'react';
import type { QueryTable } from '@/api/types';
import { arrange, cellText, columnWidths, headerText, type SortBy } from './result';
import { RowDetails } from './RowDetails';

const useStyles = makeStyles({
  scroll: { height: '100%', overflow: 'auto', position: 'relative', fontSize: '13px', outlineStyle: 'none' },
  head: { position: 'sticky', top: 0, zIndex: 2, display: 'flex', height: '34px', backgroundColor: tokens.colorNeutralBackground2, borderBottom: `1px solid ${tokens.colorNeutralStroke2}` },
  gutter: { width: '34px', flexShrink: 0, display: 'flex', alignItems: 'center', justifyContent: 'center' },
  th: { position: 'relative', display: 'flex', alignItems: 'center', flexShrink: 0, boxSizing: 'border-box', padding: '0 10px', fontWeight: tokens.fontWeightSemibold },
  sort: {
    backgroundColor: 'transparent', border: 'none', padding: 0, color: 'inherit', fontFamily: 'inherit', fontSize: 'inherit', fontWeight: 'inherit', textAlign: 'inherit', display: 'flex', alignItems: 'center', gap: '4px', cursor: 'pointer', minWidth: 0, overflow: 'hidden', textOverflow: 'ellipsis', whiteSpace: 'nowrap', width: '100%', height: '100%',
    ':focus-visible': { outline: `2px solid ${tokens.colorStrokeFocus2}`, outlineOffset: '-2px' },
  },
  grip: { position: 'absolute', right: 0, top: '6px', bottom: '6px', width: '7px', cursor: 'col-resize', borderRight: `1px solid ${tokens.colorNeutralStroke2}`, touchAction: 'none', ':hover': { borderRight: `2px solid ${tokens.colorBrandStroke1}` } },
  body: { position: 'relative' },
  row: { position: 'absolute', left: 0, top: 0, minWidth: '100%', borderBottom: `1px solid ${tokens.colorNeutralStroke3}`, boxSizing: 'border-box' },
  cells: { display: 'flex', height: '31px', alignItems: 'center', cursor: 'default', ':hover': { backgroundColor: tokens.colorSubtleBackgroundHover } },
  current: { boxShadow: `inset 3px 0 0 ${tokens.colorCompoundBrandBackground}` },
  cell: { flexShrink: 0, boxSizing: 'border-box', padding: '0 10px', overflow: 'hidden', textOverflow: 'ellipsis', whiteSpace: 'nowrap' },
  number: { textAlign: 'right', fontVariantNumeric: 'tabular-nums' },
  toggle: {
    backgroundColor: 'transparent', border: 'none', padding: 0, color: 'inherit', fontFamily: 'inherit', fontSize: 'inherit', fontWeight: 'inherit', textAlign: 'inherit', width: '22px', height: '22px', display: 'inline-flex', alignItems: 'center', justifyContent: 'center', borderRadius: tokens.borderRadiusSmall, cursor: 'pointer',
    ':hover': { backgroundColor: tokens.colorNeutralBackground1Hover },
    ':focus-visible': { outline: `2px solid ${tokens.colorStrokeFocus2}` },
  },
});

const numeric = new Set(['int', 'long', 'real', 'decimal']);

interface ResultGridProps {
  table: QueryTable;
  filter: string;
  label?: string;
}

/** Rows of a query: only those in view are in the page, so tens of thousands scroll smoothly. */
export function ResultGrid({ table, filter, label = 'Results' }: ResultGridProps) {
  const styles = useStyles();
  const scroll = useRef<HTMLDivElement>(null);
  const [sort, setSort] = useState<SortBy>();
  const [open, setOpen] = useState<ReadonlySet<number>>(new Set());
  const [current, setCurrent] = useState(0);
  const measured = useMemo(() => columnWidths(table.columns, table.rows), [table]);
  const [resized, setResized] = useState<Record<number, number>>({});
  const widths = measured.map((width, at) => resized[at] ?? width);
  const total = widths.reduce((sum, width) => sum + width, 34);
  const order = useMemo(() => arrange(table.columns, table.rows, filter, sort), [table, filter, sort]);
  const rows = useVirtualizer({
    count: order.length,
    getScrollElement: () => scroll.current,
    estimateSize: (at) => (open.has(order[at] ?? -1) ? 32 + 26 * table.columns.length : 32),
    getItemKey: (at) => order[at] ?? at,
    overscan: 12,
  });

  const toggle = (row: number) => {
    const next = new Set(open);
    if (!next.delete(row)) next.add(row);
    setOpen(next);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const step = { ArrowDown: 1, ArrowUp: -1, PageDown: 15, PageUp: -15 }[event.key];
    if (step !== undefined) {
      event.preventDefault();
      const next = Math.min(order.length - 1, Math.max(0, current + step));
      setCurrent(next);
      rows.scrollToIndex(next);
    } else if (event.key === 'Enter' && event.target === scroll.current) {
      event.preventDefault();
      const row = order[current];
      if (row !== undefined) toggle(row);
    }
  };
  const resize = (at: number) => (event: PointerEvent<HTMLSpanElement>) => {
    const grip = event.currentTarget;
    const from = event.clientX;
    const width = widths[at] ?? 120;
    grip.setPointerCapture(event.pointerId);
    grip.onpointermove = (move) => setResized((all) => ({ ...all, [at]: Math.max(60, width + move.clientX - from) }));
    grip.onpointerup = () => {
      grip.onpointermove = null;
    };
  };
  return (
    <div ref={scroll} className={styles.scroll} role="grid" aria-label={label} aria-rowcount={order.length + 1} aria-colcount={table.columns.length}
      tabIndex={0} onKeyDown={onKeyDown}>
      <div className={styles.head} role="row" aria-rowindex={1} style={{ width: total, minWidth: '100%' }}>
        <span className={styles.gutter} />
        {table.columns.map((column, at) => {
          const active = sort?.column === at;
          return (
            <div key={at} role="columnheader" className={styles.th} style={{ width: widths[at] }} title={`${column.name}: ${column.type}`}
              aria-sort={active ? (sort.descending ? 'descending' : 'ascending') : 'none'}>
              <button type="button" className={styles.sort} onClick={() => setSort({ column: at, descending: active ? !sort.descending : false })}>
                <span style={{ overflow: 'hidden', textOverflow: 'ellipsis' }}>{headerText(column)}</span>
                {active && (sort.descending ? <ArrowDownRegular aria-hidden /> : <ArrowUpRegular aria-hidden />)}
              </button>
              <span className={styles.grip} onPointerDown={resize(at)} aria-hidden />
            </div>
          );
        })}
      </div>
      <div className={styles.body} style={{ height: rows.getTotalSize(), width: total, minWidth: '100%' }}>
        {rows.getVirtualItems().map((item) => {
          const at = order[item.index] ?? 0;
          const row = table.rows[at] ?? [];
          const expanded = open.has(at);
          return (
            <div key={item.key} data-index={item.index} ref={rows.measureElement} className={styles.row} style={{ transform: `translateY(${item.start}px)`, width: total }}>
              <div role="row" aria-rowindex={item.index + 2} className={mergeClasses(styles.cells, item.index === current && styles.current)}
                onClick={() => setCurrent(item.index)} onDoubleClick={() => toggle(at)}>
                <span className={styles.gutter} role="gridcell">
                  <button type="button" tabIndex={-1} className={styles.toggle} aria-expanded={expanded} aria-label={`Details of row ${item.index + 1}`} onClick={() => toggle(at)}>
                    {expanded ? <ChevronDownRegular /> : <ChevronRightRegular />}
                  </button>
                </span>
                {table.columns.map((column, cell) => {
                  const text = cellText(row[cell], column.type);
                  return (
                    <span key={cell} role="gridcell" className={mergeClasses(styles.cell, numeric.has(column.type) && styles.number)} style={{ width: widths[cell] }} title={text}>{text}</span>
                  );
                })}
              </div>
              {expanded && <RowDetails columns={table.columns} row={row} />}
            </div>
          );
        })}
      </div>
    </div>
  );
}
