import {
  Button, Dialog, DialogActions, DialogBody, DialogContent, DialogSurface, DialogTitle, Field, Input, makeStyles, Select,
} from '@fluentui/react-components';
import { AddRegular } from '@fluentui/react-icons/svg/add';
import { DismissRegular } from '@fluentui/react-icons/svg/dismiss';
import { useState } from 'react';
import { useSaveTable } from '@/api/tables';
import { useNotify } from '@/ui/notify';
import { ErrorState } from '@/ui/states';

const useStyles = makeStyles({
  surface: { maxWidth: '560px' },
  fields: { display: 'flex', flexDirection: 'column', gap: '14px' },
  columns: { display: 'flex', flexDirection: 'column', gap: '8px' },
  row: { display: 'grid', gridTemplateColumns: 'minmax(0, 1fr) 130px 32px', gap: '8px' },
});

const types = ['string', 'datetime', 'int', 'long', 'real', 'bool', 'dynamic', 'guid'];

interface Draft {
  key: number;
  name: string;
  type: string;
}

let keys = 0;
const draft = (name = '', type = 'string'): Draft => ({ key: (keys += 1), name, type });

/** A new table of one's own. Gives its name when it was made. */
export function CreateTableDialog({ taken, onClose }: { taken: readonly string[]; onClose: (made?: string) => void }) {
  const styles = useStyles();
  const notify = useNotify();
  const save = useSaveTable();
  const [title, setTitle] = useState('');
  const [description, setDescription] = useState('');
  const [columns, setColumns] = useState<Draft[]>([draft('TimeGenerated', 'datetime'), draft()]);
  const name = title.trim() && `${title.trim().replace(/_CL$/i, '')}_CL`;
  const problem = problemOf(name, taken);
  const named = columns.filter((column) => column.name.trim() !== '');
  const names = named.map((column) => column.name.trim().toLowerCase());
  const wrong = named.find((column, at) => !/^[A-Za-z]\w*$/.test(column.name.trim()) || names.indexOf(column.name.trim().toLowerCase()) !== at);
  const set = (key: number, change: Partial<Draft>) => setColumns((all) => all.map((column) => (column.key === key ? { ...column, ...change } : column)));
  const submit = () =>
    save.mutate({ name, properties: { schema: { name, description: description.trim(), columns: named.map((column) => ({ name: column.name.trim(), type: column.type })) } } }, {
      onSuccess: () => {
        notify.done(`Table ${name} created`);
        onClose(name);
      },
    });
  return (
    <Dialog open onOpenChange={(_, data) => { if (!data.open) onClose(); }}>
      <DialogSurface className={styles.surface}>
        <form onSubmit={(event) => { event.preventDefault(); submit(); }}>
          <DialogBody>
            <DialogTitle>Create table</DialogTitle>
            <DialogContent className={styles.fields}>
              <Field label="Name" required hint="The ending _CL is added: it tells tables of your own from standard ones." validationState={problem ? 'error' : 'none'} validationMessage={problem}>
                <Input value={title} onChange={(_, data) => setTitle(data.value)} contentAfter="_CL" />
              </Field>
              <Field label="What it holds"><Input value={description} onChange={(_, data) => setDescription(data.value)} /></Field>
              <Field label="Columns" hint="TimeGenerated is when an event happened; every table has it." validationState={wrong ? 'error' : 'none'} validationMessage={wrong && `${wrong.name.trim()}: a column's name is of letters, digits and _, begins with a letter, and comes once`}>
                <div className={styles.columns} role="group" aria-label="Columns">
                  {columns.map((column, at) => (
                    <div key={column.key} className={styles.row}>
                      <Input aria-label={`Name of column ${at + 1}`} value={column.name} disabled={at === 0} onChange={(_, data) => set(column.key, { name: data.value })} />
                      <Select aria-label={`Type of column ${at + 1}`} value={column.type} disabled={at === 0} onChange={(_, data) => set(column.key, { type: data.value })}>
                        {types.map((type) => <option key={type}>{type}</option>)}
                      </Select>
                      {at > 0 && <Button appearance="subtle" aria-label={`Remove column ${at + 1}`} icon={<DismissRegular />} onClick={() => setColumns((all) => all.filter((other) => other.key !== column.key))} />}
                    </div>
                  ))}
                  <div><Button size="small" icon={<AddRegular />} onClick={() => setColumns((all) => [...all, draft()])}>Add column</Button></div>
                </div>
              </Field>
              {save.error && <ErrorState error={save.error} what="The table was not created" />}
            </DialogContent>
            <DialogActions>
              <Button onClick={() => onClose()}>Cancel</Button>
              <Button appearance="primary" type="submit" disabled={!name || Boolean(problem) || Boolean(wrong) || save.isPending}>Create</Button>
            </DialogActions>
          </DialogBody>
        </form>
      </DialogSurface>
    </Dialog>
  );
}

function problemOf(name: string, taken: readonly string[]): string | undefined {
  if (!name) return undefined;
  if (!/^[A-Za-z]\w{0,59}_CL$/.test(name)) return 'A name is of letters, digits and _, begins with a letter, and has at most 63 characters.';
  return taken.some((other) => other.toLowerCase() === name.toLowerCase()) ? 'There is a table of this name.' : undefined;
}
