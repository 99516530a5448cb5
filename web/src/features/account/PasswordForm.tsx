import { Button, Field, Input, makeStyles, tokens } from '@fluentui/react-components';
import { useState } from 'react';
import { useChangePassword, type Account } from '@/api/account';
import { Card } from '@/ui/Card';
import { useNotify } from '@/ui/notify';
import { ErrorState } from '@/ui/states';

const useStyles = makeStyles({
  form: { display: 'flex', flexDirection: 'column', gap: '14px', maxWidth: '420px' },
  text: { margin: 0, color: tokens.colorNeutralForeground2 },
});

/** Changes the password, or sets the first one of somebody who came by link. */
export function PasswordForm({ account }: { account: Account }) {
  const styles = useStyles();
  const notify = useNotify();
  const change = useChangePassword();
  const [current, setCurrent] = useState('');
  const [password, setPassword] = useState('');
  const [again, setAgain] = useState('');
  const differs = again !== '' && again !== password;
  const ready = password !== '' && again === password && (!account.hasPassword || current !== '');
  const submit = () => change.mutate({ current, password }, { onSuccess: () => {
    setCurrent('');
    setPassword('');
    setAgain('');
    notify.done('Password changed', 'Every other session of yours has ended.');
  } });
  return (
    <Card title="Password">
      {!account.hasPassword && <p className={styles.text}>You have no password yet and sign in by links only.</p>}
      <form className={styles.form} onSubmit={(event) => { event.preventDefault(); if (ready) submit(); }}>
        {account.hasPassword && <Field label="Present password" required><Input type="password" autoComplete="current-password" value={current} onChange={(_, data) => setCurrent(data.value)} /></Field>}
        <Field label="New password" required><Input type="password" autoComplete="new-password" value={password} onChange={(_, data) => setPassword(data.value)} /></Field>
        <Field label="New password again" required {...(differs ? { validationMessage: 'The two differ' } : {})}><Input type="password" autoComplete="new-password" value={again} onChange={(_, data) => setAgain(data.value)} /></Field>
        {change.error && <ErrorState error={change.error} what="The password was not changed" />}
        <div><Button appearance="primary" type="submit" disabled={!ready || change.isPending}>{account.hasPassword ? 'Change password' : 'Set password'}</Button></div>
      </form>
    </Card>
  );
}
