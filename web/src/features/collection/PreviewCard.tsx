import { Button, Field, makeStyles, MessageBar, MessageBarBody, Radio, RadioGroup, Select, Textarea, tokens } from '@fluentui/react-components';
import { PlayRegular } from '@fluentui/react-icons/svg/play';
import { useState } from 'react';
import { usePreview } from '@/api/collection';
import type { QueryTable, TransformPreview, WorkspaceTable } from '@/api/types';
import { ResultGrid } from '@/kql/ResultGrid';
import { countOf } from '@/lib/units';
import { Card } from '@/ui/Card';
import { namedColumns } from '@/ui/ColumnFields';
import { ErrorState } from '@/ui/states';
import { parseRows, type RuleForm } from './rule';

const useStyles = makeStyles({
  bar: { display: 'flex', gap: '16px', alignItems: 'flex-end', flexWrap: 'wrap' },
  grid: { height: '260px', border: `1px solid ${tokens.colorNeutralStroke2}`, borderRadius: tokens.borderRadiusMedium, overflow: 'hidden' },
  faint: { color: tokens.colorNeutralForeground3 },
});

/** Tries the transformation on rows that came in, or on some that are written down. */
export function PreviewCard({ form, tables }: { form: RuleForm; tables: readonly WorkspaceTable[] }) {
  const styles = useStyles();
  const preview = usePreview();
  const [from, setFrom] = useState('given');
  const [text, setText] = useState(() => JSON.stringify({ TimeGenerated: new Date().toISOString(), Message: 'example' }));
  const [table, setTable] = useState('');
  const rows = parseRows(text);
  const ready = from === 'given' ? rows !== undefined : table !== '';
  const run = () => {
    const source = from === 'given' ? { columns: namedColumns(form.columns), rows: rows ?? [] } : { table, count: 20 };
    preview.mutate({ transformKql: form.transform.trim() || 'source', source });
  };
  return (
    <Card title="Preview">
      <div className={styles.bar}>
        <RadioGroup layout="horizontal" aria-label="Rows to try" value={from} onChange={(_, data) => setFrom(data.value)}>
          <Radio value="given" label="Rows written here" />
          <Radio value="live" label="Newest rows of a table" />
        </RadioGroup>
        {from === 'live' && (
          <Select aria-label="Table to read" value={table} onChange={(_, data) => setTable(data.value)}>
            <option value="">Choose a table</option>
            {tables.map((entry) => <option key={entry.id}>{entry.name}</option>)}
          </Select>
        )}
        <Button icon={<PlayRegular />} disabled={!ready || preview.isPending} onClick={run}>{preview.isPending ? 'Running…' : 'Run the preview'}</Button>
      </div>
      {from === 'given' && (
        <Field label="Rows as JSON: an array, or one object a line" validationState={rows ? 'none' : 'error'} validationMessage={rows ? undefined : 'This is no JSON of objects.'}>
          <Textarea value={text} rows={4} resize="vertical" onChange={(_, data) => setText(data.value)} />
        </Field>
      )}
      {preview.error && <ErrorState error={preview.error} what="The transformation cannot be used" />}
      {preview.data && <Outcome preview={preview.data} />}
    </Card>
  );
}

function Outcome({ preview }: { preview: TransformPreview }) {
  const styles = useStyles();
  const table: QueryTable = { name: 'Preview', columns: preview.columns, rows: preview.rows.map((row) => preview.columns.map((column) => row[column.name] ?? null)) };
  const notes = [
    preview.rejectedCells > 0 && `${countOf(preview.rejectedCells, 'value')} did not fit and became null`,
    preview.unknownFields > 0 && `${countOf(preview.unknownFields, 'field')} is not declared in the stream`,
  ].filter(Boolean);
  return (
    <>
      <div className={styles.faint} role="status">{countOf(preview.rowsIn, 'row')} in, {countOf(preview.rows.length, 'row')} out</div>
      {notes.length > 0 && <MessageBar intent="warning"><MessageBarBody>{notes.join('; ')}.</MessageBarBody></MessageBar>}
      <div className={styles.grid}><ResultGrid table={table} filter="" label="Rows of the preview" /></div>
    </>
  );
}
