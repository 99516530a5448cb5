import { Button, makeStyles, tokens, Tooltip } from '@fluentui/react-components';
import { AddRegular } from '@fluentui/react-icons/svg/add';
import { useState, type ReactNode } from 'react';
import { columnsOf, isCustom, useTables, useTableUse, type TableUse } from '@/api/tables';
import type { WorkspaceTable } from '@/api/types';
import { WorkspaceScope } from '@/ui/WorkspaceScope';
import { countOf, formatVolume, formatCount } from '@/lib/units';
import { Card } from '@/ui/Card';
import { DataTable, type Column } from '@/ui/DataTable';
import { FilterBar } from '@/ui/FilterBar';
import { Page } from '@/ui/Page';
import { EmptyState, ErrorState, Loaded } from '@/ui/states';
import { useSearchState } from '@/ui/use-search-state';
import { When } from '@/ui/When';
import { CreateTableDialog } from './CreateTableDialog';
import { TablePanel } from './TablePanel';

const useStyles = makeStyles({
  name: {
    backgroundColor: 'transparent', border: 'none', padding: 0, fontFamily: 'inherit', fontSize: 'inherit', textAlign: 'left', maxWidth: '100%', overflow: 'hidden', textOverflow: 'ellipsis', cursor: 'pointer', fontWeight: tokens.fontWeightSemibold, color: tokens.colorBrandForegroundLink, borderRadius: tokens.borderRadiusSmall,
    ':hover': { textDecorationLine: 'underline', color: tokens.colorBrandForegroundLinkHover },
    ':focus-visible': { outline: `2px solid ${tokens.colorStrokeFocus2}`, outlineOffset: '1px' },
  },
  description: { color: tokens.colorNeutralForeground3, fontSize: tokens.fontSizeBase200, overflow: 'hidden', textOverflow: 'ellipsis' },
  faint: { color: tokens.colorNeutralForeground3 },
});

interface Row {
  table: WorkspaceTable;
  /** Undefined while it is not known. */
  use: TableUse | undefined;
}

const none: TableUse = { rows: 0, bytes: 0, lastRow: undefined };

/** Every table of the workspace: what it holds, how long, and what came in. */
export default function TablesPage() {
  return <WorkspaceScope>{(chooser) => <TableList chooser={chooser} />}</WorkspaceScope>;
}

function TableList({ chooser }: { chooser: ReactNode }) {
  const tables = useTables();
  const use = useTableUse('P7D');
  const [search, setSearch] = useSearchState('q');
  const [kind, setKind] = useSearchState('kind');
  const [filled, setFilled] = useSearchState('rows');
  const [open, setOpen] = useSearchState('table');
  const [creating, setCreating] = useState(false);
  const rows = (tables.data ?? []).map((table): Row => ({ table, use: use.data && (use.data.get(table.name) ?? none) }));
  const wanted = search.trim().toLowerCase();
  const shown = rows.filter(
    (row) =>
      (!wanted || row.table.name.toLowerCase().includes(wanted) || (row.table.properties.schema.description ?? '').toLowerCase().includes(wanted)) &&
      (!kind || isCustom(row.table) === (kind === 'custom')) &&
      (!filled || !row.use || row.use.rows > 0 === (filled === 'with')),
  );
  const chosen = tables.data?.find((table) => table.name === open);
  return (
    <Page title="Tables" subtitle="What the workspace keeps, and for how long" actions={<>{chooser}<Button appearance="primary" icon={<AddRegular />} onClick={() => setCreating(true)}>Create table</Button></>}>
      <FilterBar search={search} onSearch={setSearch} searchLabel="Find a table" count={tables.data ? countOf(shown.length, 'table') : ''}
        filters={[
          { label: 'Kind', value: kind, onChange: setKind, options: [{ value: 'standard', text: 'Standard' }, { value: 'custom', text: 'Custom' }] },
          { label: 'Rows', value: filled, onChange: setFilled, options: [{ value: 'with', text: 'With rows' }, { value: 'without', text: 'Without rows' }] },
        ]} />
      {use.error && <ErrorState error={use.error} what="Cannot count the rows" retry={() => void use.refetch()} />}
      <Card flush>
        <Loaded query={tables} what="tables" rows={12}>
          {() => <DataTable label="Tables" columns={columnsFor(setOpen)} rows={shown} rowKey={(row) => row.table.id} initialSort={{ id: 'rows', descending: true }} minWidth={960} empty={<EmptyState title="No table matches" />} />}
        </Loaded>
      </Card>
      {chosen && <TablePanel table={chosen} use={use.data && (use.data.get(chosen.name) ?? none)} onClose={() => setOpen('')} />}
      {creating && <CreateTableDialog taken={(tables.data ?? []).map((table) => table.name)} onClose={(made) => { setCreating(false); if (made) setOpen(made); }} />}
    </Page>
  );
}

function columnsFor(open: (name: string) => void): readonly Column<Row>[] {
  return [
    { id: 'name', header: 'Table', sort: (row) => row.table.name, render: (row) => <Name row={row} open={open} /> },
    { id: 'kind', header: 'Kind', width: '86px', sort: (row) => Number(isCustom(row.table)), render: (row) => (isCustom(row.table) ? 'Custom' : 'Standard') },
    { id: 'plan', header: 'Plan', width: '86px', render: (row) => row.table.properties.plan ?? '–' },
    { id: 'columns', header: 'Columns', width: '88px', align: 'end', sort: (row) => columnsOf(row.table).length, render: (row) => columnsOf(row.table).length },
    { id: 'retention', header: 'Kept', width: '130px', align: 'end', sort: (row) => row.table.properties.retentionInDays ?? 0, render: (row) => <Kept table={row.table} /> },
    { id: 'rows', header: 'Rows, 7 days', width: '112px', align: 'end', sort: (row) => row.use?.rows ?? -1, render: (row) => (row.use ? <Amount value={row.use.rows} text={formatCount(row.use.rows)} /> : '…') },
    { id: 'size', header: 'Size, 7 days', width: '112px', align: 'end', sort: (row) => row.use?.bytes ?? -1, render: (row) => (row.use ? <Amount value={row.use.bytes} text={formatVolume(row.use.bytes)} /> : '…') },
    { id: 'last', header: 'Newest row', width: '132px', sort: (row) => row.use?.lastRow ?? '', render: (row) => <When at={row.use?.lastRow} /> },
  ];
}

function Name({ row, open }: { row: Row; open: (name: string) => void }) {
  const styles = useStyles();
  const { description } = row.table.properties.schema;
  return (
    <>
      <button type="button" className={styles.name} onClick={() => open(row.table.name)}>{row.table.name}</button>
      {description && <div className={styles.description} title={description}>{description}</div>}
    </>
  );
}

function Amount({ value, text }: { value: number; text: string }) {
  const styles = useStyles();
  return <span className={value === 0 ? styles.faint : undefined}>{value === 0 ? '–' : text}</span>;
}

function Kept({ table }: { table: WorkspaceTable }) {
  const { retentionInDays: days, totalRetentionInDays: total } = table.properties;
  if (days === undefined) return <span>–</span>;
  if (total === undefined || total === days) return <span>{countOf(days, 'day')}</span>;
  return <Tooltip relationship="description" content={`Queries see ${countOf(days, 'day')}; rows are gone after ${formatCount(total)}.`}><span>{formatCount(days)} + {formatCount(total - days)} days</span></Tooltip>;
}
