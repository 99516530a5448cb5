import { Field, Input } from '@fluentui/react-components';
import { useState, type ReactNode } from 'react';
import { FormDialog } from './FormDialog';

interface ConfirmDialogProps {
  title: string;
  submit: string;
  /** A name to be typed first, for what cannot be undone. */
  typed?: string;
  busy: boolean;
  error: unknown;
  failed: string;
  onConfirm: () => void;
  onClose: () => void;
  children: ReactNode;
}

/** Asks before something goes away. */
export function ConfirmDialog({ typed, onConfirm, children, ...rest }: ConfirmDialogProps) {
  const [text, setText] = useState('');
  return (
    <FormDialog {...rest} disabled={typed !== undefined && text !== typed} onSubmit={onConfirm}>
      <div>{children}</div>
      {typed !== undefined && (
        <Field label={`Type ${typed} to confirm`}>
          <Input value={text} onChange={(_, data) => setText(data.value)} autoComplete="off" spellCheck={false} />
        </Field>
      )}
    </FormDialog>
  );
}
