import { Button, Field, Input, makeStyles, tokens } from '@fluentui/react-components';
import { useState } from 'react';
import { useBeginFactor, useConfirmFactor, useRemoveFactor, type Account } from '@/api/account';
import { Card } from '@/ui/Card';
import { CodeBlock } from '@/ui/CodeBlock';
import { FormDialog } from '@/ui/FormDialog';
import { useNotify } from '@/ui/notify';
import { Status } from '@/ui/Status';

const useStyles = makeStyles({ text: { margin: 0, color: tokens.colorNeutralForeground2, lineHeight: tokens.lineHeightBase400 } });

/** The authenticator app beside the password. */
export function SecondFactor({ account }: { account: Account }) {
  const styles = useStyles();
  const [open, setOpen] = useState<'add' | 'remove'>();
  return (
    <Card title="Second factor" action={account.hasPassword && <Button onClick={() => setOpen(account.hasSecondFactor ? 'remove' : 'add')}>{account.hasSecondFactor ? 'Remove' : 'Add authenticator app'}</Button>}>
      <Status tone={account.hasSecondFactor ? 'good' : 'warn'}>{account.hasSecondFactor ? 'An authenticator app is asked for at sign-in' : 'None'}</Status>
      {!account.hasPassword && <p className={styles.text}>A second factor goes beside a password: set a password first.</p>}
      {open && <FactorDialog key={open} adding={open === 'add'} onClose={() => setOpen(undefined)} />}
    </Card>
  );
}

function FactorDialog({ adding, onClose }: { adding: boolean; onClose: () => void }) {
  const notify = useNotify();
  const begin = useBeginFactor();
  const confirm = useConfirmFactor();
  const remove = useRemoveFactor();
  const [password, setPassword] = useState('');
  const [otp, setOtp] = useState('');
  const end = adding ? confirm : remove;
  const ready = password !== '' && otp.trim() !== '';
  const submit = () => end.mutate({ password, otp: otp.trim() }, { onSuccess: () => {
    notify.done(adding ? 'Second factor added' : 'Second factor removed');
    onClose();
  } });
  const title = adding ? 'Add authenticator app' : 'Remove second factor';
  if (adding && !begin.data) {
    return (
      <FormDialog title={title} submit="Make the key" busy={begin.isPending} error={begin.error} failed="No key was made" onSubmit={() => begin.mutate({})} onClose={onClose}>
        <div>An app such as FreeOTP, Aegis or Google Authenticator shows a new code every 30 seconds. You will type a key into it, or open a link on the phone.</div>
      </FormDialog>
    );
  }
  return (
    <FormDialog title={title} submit={adding ? 'Add' : 'Remove'} busy={end.isPending} disabled={!ready} error={end.error} failed="Nothing was changed" onSubmit={submit} onClose={onClose}>
      {begin.data && (
        <>
          <div>Key, to type into the app (time based, 6 digits)</div>
          <CodeBlock label="Key" text={begin.data.secret} />
          <div>Or the link that opens the app on this device</div>
          <CodeBlock label="Link" text={begin.data.uri} />
        </>
      )}
      <Field label="Password" required><Input type="password" autoComplete="current-password" value={password} onChange={(_, data) => setPassword(data.value)} /></Field>
      <Field label="Code that the app shows" required><Input inputMode="numeric" autoComplete="one-time-code" value={otp} onChange={(_, data) => setOtp(data.value)} /></Field>
    </FormDialog>
  );
}
