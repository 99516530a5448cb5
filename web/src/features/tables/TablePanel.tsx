import { makeStyles, tokens } from '@fluentui/react-components';
import { columnsOf, isCustom, type TableUse } from '@/api/tables';
import type { WorkspaceTable } from '@/api/types';
import { formatDateTime } from '@/lib/dates';
import { paths } from '@/lib/paths';
import { countOf, formatVolume } from '@/lib/units';
import { AppLink } from '@/ui/AppLink';
import { DataTable, type Column } from '@/ui/DataTable';
import { Facts } from '@/ui/Facts';
import { SidePanel } from '@/ui/SidePanel';
import { RetentionForm } from './RetentionForm';

const useStyles = makeStyles({
  text: { margin: 0, lineHeight: tokens.lineHeightBase400, color: tokens.colorNeutralForeground2 },
  columns: { marginLeft: '-20px', marginRight: '-20px' },
  title: { margin: '0 0 4px', fontSize: tokens.fontSizeBase400, fontWeight: tokens.fontWeightSemibold },
});

type TableColumn = { name: string; type: string; description?: string };

const columns: readonly Column<TableColumn>[] = [
  { id: 'name', header: 'Column', width: '34%', sort: (row) => row.name, render: (row) => <span title={row.name}>{row.name}</span> },
  { id: 'type', header: 'Type', width: '92px', sort: (row) => row.type, render: (row) => row.type },
  { id: 'description', header: 'Meaning', wrap: true, render: (row) => row.description || '–' },
];

/** One table: facts, columns, and the way to its rows. */
export function TablePanel({ table, use, onClose }: { table: WorkspaceTable; use: TableUse | undefined; onClose: () => void }) {
  const styles = useStyles();
  const { plan, retentionInDays, totalRetentionInDays, schema } = table.properties;
  const own = columnsOf(table);
  return (
    <SidePanel title={table.name} onClose={onClose}>
      {schema.description && <p className={styles.text}>{schema.description}</p>}
      <AppLink to={paths.logs({ q: `${/^[A-Za-z_]\w*$/.test(table.name) ? table.name : `['${table.name}']`}\n| take 100`, range: '7d' })}>Open its rows in Logs</AppLink>
      <Facts facts={[
        ['Kind', isCustom(table) ? 'Custom' : 'Standard'],
        ['Plan', plan],
        ['Kept for queries', retentionInDays && countOf(retentionInDays, 'day')],
        ['Kept in all', totalRetentionInDays && countOf(totalRetentionInDays, 'day')],
        ['Rows, 7 days', use && countOf(use.rows, 'row')],
        ['Size, 7 days', use && formatVolume(use.bytes)],
        ['Newest row', use?.lastRow && formatDateTime(use.lastRow)],
      ]} />
      <div>
        <h3 className={styles.title}>Retention</h3>
        <RetentionForm key={`${table.id}${retentionInDays}${totalRetentionInDays}`} table={table} />
      </div>
      <div>
        <h3 className={styles.title}>{countOf(own.length, 'column')}</h3>
        <div className={styles.columns}><DataTable label={`Columns of ${table.name}`} columns={columns} rows={own} rowKey={(row) => row.name} minWidth={420} /></div>
      </div>
    </SidePanel>
  );
}
