import { Button, Field, Input, makeStyles } from '@fluentui/react-components';
import { useState } from 'react';
import { useSaveTable } from '@/api/tables';
import type { WorkspaceTable } from '@/api/types';
import { useNotify } from '@/ui/notify';
import { ErrorState } from '@/ui/states';

const useStyles = makeStyles({
  form: { display: 'flex', flexDirection: 'column', gap: '12px' },
  fields: { display: 'grid', gridTemplateColumns: '1fr 1fr', gap: '16px' },
  actions: { display: 'flex', gap: '8px' },
});

/** Longest that rows are kept, in days. */
const daysMax = 4383;

/** Says the days in the table's place of the workspace's own. */
const workspaceDefault = -1;

/** How long a table's rows are kept. */
export function RetentionForm({ table }: { table: WorkspaceTable }) {
  const styles = useStyles();
  const notify = useNotify();
  const save = useSaveTable();
  const { retentionInDays = 0, totalRetentionInDays = retentionInDays } = table.properties;
  const [days, setDays] = useState(String(retentionInDays));
  const [total, setTotal] = useState(String(totalRetentionInDays));
  const valid = (text: string) => /^\d+$/.test(text) && Number(text) >= 1 && Number(text) <= daysMax;
  const wrongTotal = valid(days) && valid(total) && Number(total) < Number(days);
  const changed = Number(days) !== retentionInDays || Number(total) !== totalRetentionInDays;
  const submit = (properties: { retentionInDays: number; totalRetentionInDays: number }) =>
    save.mutate({ name: table.name, properties }, {
      onSuccess: (saved) => {
        setDays(String(saved.properties.retentionInDays ?? ''));
        setTotal(String(saved.properties.totalRetentionInDays ?? ''));
        notify.done(`Retention of ${table.name} saved`);
      },
    });
  return (
    <form className={styles.form} onSubmit={(event) => { event.preventDefault(); submit({ retentionInDays: Number(days), totalRetentionInDays: Number(total) }); }}>
      <div className={styles.fields}>
        <Field label="Days that queries see" validationState={valid(days) ? 'none' : 'error'} validationMessage={valid(days) ? undefined : `A number from 1 to ${daysMax}`}>
          <Input type="number" min={1} max={daysMax} value={days} onChange={(_, data) => setDays(data.value)} />
        </Field>
        <Field label="Days in all" validationState={valid(total) && !wrongTotal ? 'none' : 'error'} validationMessage={!valid(total) ? `A number from 1 to ${daysMax}` : wrongTotal ? 'At least as many as queries see' : undefined}>
          <Input type="number" min={1} max={daysMax} value={total} onChange={(_, data) => setTotal(data.value)} />
        </Field>
      </div>
      {save.error && <ErrorState error={save.error} what="The retention was not saved" />}
      <div className={styles.actions}>
        <Button type="submit" appearance="primary" disabled={!changed || !valid(days) || !valid(total) || wrongTotal || save.isPending}>Save retention</Button>
        <Button disabled={save.isPending} title="The table follows the workspace again" onClick={() => submit({ retentionInDays: workspaceDefault, totalRetentionInDays: workspaceDefault })}>Use the workspace's</Button>
      </div>
    </form>
  );
}
