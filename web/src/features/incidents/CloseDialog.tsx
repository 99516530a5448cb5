import { Button, Dialog, DialogActions, DialogBody, DialogContent, DialogSurface, DialogTitle, Field, makeStyles, Radio, RadioGroup, Textarea } from '@fluentui/react-components';
import { useState, type FormEvent } from 'react';
import type { IncidentProperties } from '@/api/types';
import { classifications } from './words';

const useStyles = makeStyles({ form: { display: 'flex', flexDirection: 'column', gap: '16px', paddingTop: '4px' } });

interface CloseDialogProps {
  open: boolean;
  onCancel: () => void;
  onClose: (change: Pick<IncidentProperties, 'classification' | 'classificationReason' | 'classificationComment'>) => void;
}

/** Closing asks for the classification, as in Sentinel. */
export function CloseDialog({ open, onCancel, onClose }: CloseDialogProps) {
  const styles = useStyles();
  const [choice, setChoice] = useState('');
  const [comment, setComment] = useState('');
  const chosen = classifications.find((entry) => entry.id === choice);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!chosen) return;
    onClose({
      classification: chosen.classification,
      ...(chosen.reason ? { classificationReason: chosen.reason } : {}),
      ...(comment.trim() ? { classificationComment: comment.trim() } : {}),
    });
  };
  return (
    <Dialog open={open} onOpenChange={(_, data) => !data.open && onCancel()}>
      <DialogSurface style={{ maxWidth: 480 }}>
        <form onSubmit={submit}>
          <DialogBody>
            <DialogTitle>Close incident</DialogTitle>
            <DialogContent className={styles.form}>
              <Field label="Classification" required>
                <RadioGroup value={choice} onChange={(_, data) => setChoice(data.value)}>
                  {classifications.map((entry) => <Radio key={entry.id} value={entry.id} label={entry.text} />)}
                </RadioGroup>
              </Field>
              <Field label="Comment"><Textarea value={comment} rows={3} placeholder="What was found and done" onChange={(_, data) => setComment(data.value)} /></Field>
            </DialogContent>
            <DialogActions>
              <Button onClick={onCancel}>Cancel</Button>
              <Button appearance="primary" type="submit" disabled={!chosen} title={chosen ? undefined : 'Choose a classification first'}>Close incident</Button>
            </DialogActions>
          </DialogBody>
        </form>
      </DialogSurface>
    </Dialog>
  );
}
