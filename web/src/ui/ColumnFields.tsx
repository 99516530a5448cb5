import { Button, Input, makeStyles, Select } from '@fluentui/react-components';
import { AddRegular } from '@fluentui/react-icons/svg/add';
import { DismissRegular } from '@fluentui/react-icons/svg/dismiss';

const useStyles = makeStyles({
  columns: { display: 'flex', flexDirection: 'column', gap: '8px' },
  row: { display: 'grid', gridTemplateColumns: 'minmax(0, 1fr) 130px 32px', gap: '8px' },
});

export interface ColumnDraft {
  key: number;
  name: string;
  type: string;
}

let keys = 0;

export function columnDraft(name = '', type = 'string'): ColumnDraft {
  return { key: (keys += 1), name, type };
}

/** The named ones, as the server takes them. */
export function namedColumns(columns: readonly ColumnDraft[]): { name: string; type: string }[] {
  return columns.filter((column) => column.name.trim() !== '').map((column) => ({ name: column.name.trim(), type: column.type }));
}

/** What is wrong with a list of columns, if anything. */
export function columnsProblem(columns: readonly ColumnDraft[]): string | undefined {
  const named = namedColumns(columns);
  const names = named.map((column) => column.name.toLowerCase());
  const wrong = named.find((column, at) => !/^[A-Za-z_]\w*$/.test(column.name) || names.indexOf(column.name.toLowerCase()) !== at);
  return wrong && `${wrong.name}: a column's name is of letters, digits and _, begins with a letter, and comes once`;
}

/** Names and types of columns. The first `fixed` ones stay as they are. */
export function ColumnFields({ columns, types, fixed = 0, onChange }: { columns: readonly ColumnDraft[]; types: readonly string[]; fixed?: number; onChange: (columns: ColumnDraft[]) => void }) {
  const styles = useStyles();
  const set = (key: number, change: Partial<ColumnDraft>) => onChange(columns.map((column) => (column.key === key ? { ...column, ...change } : column)));
  return (
    <div className={styles.columns} role="group" aria-label="Columns">
      {columns.map((column, at) => (
        <div key={column.key} className={styles.row}>
          <Input aria-label={`Name of column ${at + 1}`} value={column.name} disabled={at < fixed} onChange={(_, data) => set(column.key, { name: data.value })} />
          <Select aria-label={`Type of column ${at + 1}`} value={column.type} disabled={at < fixed} onChange={(_, data) => set(column.key, { type: data.value })}>
            {types.map((type) => <option key={type}>{type}</option>)}
          </Select>
          {at >= fixed && <Button appearance="subtle" aria-label={`Remove column ${at + 1}`} icon={<DismissRegular />} onClick={() => onChange(columns.filter((other) => other.key !== column.key))} />}
        </div>
      ))}
      <div><Button size="small" icon={<AddRegular />} onClick={() => onChange([...columns, columnDraft()])}>Add column</Button></div>
    </div>
  );
}
