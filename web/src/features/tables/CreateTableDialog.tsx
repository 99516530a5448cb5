import {
  Button, Dialog, DialogActions, DialogBody, DialogContent, DialogSurface, DialogTitle, Field, Input, makeStyles,
} from '@fluentui/react-components';
import { useState } from 'react';
import { useSaveTable } from '@/api/tables';
import { ColumnFields, columnDraft, columnsProblem, namedColumns } from '@/ui/ColumnFields';
import { useNotify } from '@/ui/notify';
import { ErrorState } from '@/ui/states';

const useStyles = makeStyles({
  surface: { maxWidth: '560px' },
  fields: { display: 'flex', flexDirection: 'column', gap: '14px' },
});

const types = ['string', 'datetime', 'int', 'long', 'real', 'bool', 'dynamic', 'guid'];

/** A new table of one's own. Gives its name when it was made. */
export function CreateTableDialog({ taken, onClose }: { taken: readonly string[]; onClose: (made?: string) => void }) {
  const styles = useStyles();
  const notify = useNotify();
  const save = useSaveTable();
  const [title, setTitle] = useState('');
  const [description, setDescription] = useState('');
  const [columns, setColumns] = useState([columnDraft('TimeGenerated', 'datetime'), columnDraft()]);
  const name = title.trim() && `${title.trim().replace(/_CL$/i, '')}_CL`;
  const problem = problemOf(name, taken);
  const wrong = columnsProblem(columns);
  const submit = () =>
    save.mutate({ name, properties: { schema: { name, description: description.trim(), columns: namedColumns(columns) } } }, {
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
              <Field label="Columns" hint="TimeGenerated is when an event happened; every table has it." validationState={wrong ? 'error' : 'none'} validationMessage={wrong}>
                <ColumnFields columns={columns} types={types} fixed={1} onChange={setColumns} />
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
