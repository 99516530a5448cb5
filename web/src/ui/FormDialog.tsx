import { Button, Dialog, DialogActions, DialogBody, DialogContent, DialogSurface, DialogTitle, makeStyles } from '@fluentui/react-components';
import type { ReactNode } from 'react';
import { ErrorState } from './states';

const useStyles = makeStyles({
  surface: { maxWidth: '520px' },
  wide: { maxWidth: '820px' },
  content: { display: 'flex', flexDirection: 'column', gap: '14px', paddingTop: '4px' },
});

interface FormDialogProps {
  title: string;
  /** Text of the button that does it; without it there is nothing to do but close. */
  submit?: string;
  busy?: boolean;
  disabled?: boolean;
  error?: unknown;
  /** What an error means: "The lock was not created". */
  failed?: string;
  wide?: boolean;
  onSubmit?: () => void;
  onClose: () => void;
  children: ReactNode;
}

/** A dialog with one form: what is asked, cancel, and the button that does it. */
export function FormDialog({ title, submit, busy, disabled, error, failed, wide, onSubmit, onClose, children }: FormDialogProps) {
  const styles = useStyles();
  return (
    <Dialog open onOpenChange={(_, data) => { if (!data.open) onClose(); }}>
      <DialogSurface className={wide ? styles.wide : styles.surface}>
        <form onSubmit={(event) => {
          event.preventDefault();
          if (!disabled && !busy) onSubmit?.();
        }}>
          <DialogBody>
            <DialogTitle>{title}</DialogTitle>
            <DialogContent className={styles.content}>
              {children}
              {error !== undefined && error !== null && <ErrorState error={error} {...(failed ? { what: failed } : {})} />}
            </DialogContent>
            <DialogActions>
              <Button onClick={onClose}>{submit ? 'Cancel' : 'Close'}</Button>
              {submit && <Button appearance="primary" type="submit" disabled={disabled || busy}>{busy ? 'One moment…' : submit}</Button>}
            </DialogActions>
          </DialogBody>
        </form>
      </DialogSurface>
    </Dialog>
  );
}
