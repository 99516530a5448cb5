import { Field, Select } from '@fluentui/react-components';
import { useState, type ReactNode } from 'react';
import { useAddProgramSecret, useDeletePrincipal, useEnablePrincipal, useRemoveSecondFactor, useResetPassword, useSignInLink, useSignOutUser, type Principal } from '@/api/directory';
import { formatDay } from '@/lib/dates';
import { newPassword } from '@/lib/password';
import { ConfirmDialog } from '@/ui/ConfirmDialog';
import { FormDialog } from '@/ui/FormDialog';
import { useNotify } from '@/ui/notify';
import { SecretsOnce } from '@/ui/SecretsOnce';
import { lifetimes, secretDays } from './lifetimes';

export type ActionName = 'link' | 'password' | 'factor' | 'signOut' | 'enable' | 'disable' | 'delete' | 'secret';

interface ActionProps {
  principal: Principal;
  onClose: () => void;
}

/** The dialog of what is to be done with an account. */
export function PrincipalAction({ action, onDeleted, ...rest }: ActionProps & { action: ActionName; onDeleted: () => void }) {
  switch (action) {
    case 'link':
      return <LinkDialog {...rest} />;
    case 'password':
      return <PasswordDialog {...rest} />;
    case 'secret':
      return <SecretDialog {...rest} />;
    default:
      return <Asked {...rest} action={action} onDeleted={onDeleted} />;
  }
}

function LinkDialog({ principal, onClose }: ActionProps) {
  const link = useSignInLink();
  const [minutes, setMinutes] = useState('60');
  if (link.data) return <FormDialog title="Sign-in link" onClose={onClose}><SecretsOnce secrets={[['Sign-in link, good once', link.data]]}>{`Whoever opens it is ${principal.displayName}, with all that the account may do, and is not asked for a second factor.`}</SecretsOnce></FormDialog>;
  return (
    <FormDialog title="Sign-in link" submit="Make the link" busy={link.isPending} error={link.error} failed="No link was made" onSubmit={() => link.mutate({ user: principal, minutes: Number(minutes) })} onClose={onClose}>
      <Field label="Good for" hint="It works once"><Select value={minutes} onChange={(_, data) => setMinutes(data.value)}>{lifetimes.map(([value, text]) => <option key={value} value={value}>{text}</option>)}</Select></Field>
    </FormDialog>
  );
}

function PasswordDialog({ principal, onClose }: ActionProps) {
  const reset = useResetPassword();
  const [password] = useState(() => newPassword());
  if (reset.isSuccess) return <FormDialog title="New password" onClose={onClose}><SecretsOnce secrets={[['Password', password]]}>Shown once, and good for one sign-in, which asks for another. The old password and every open session have ended.</SecretsOnce></FormDialog>;
  return (
    <FormDialog title="Reset password" submit="Reset" busy={reset.isPending} error={reset.error} failed="The password was not reset" onSubmit={() => reset.mutate({ user: principal, password })} onClose={onClose}>
      <div>{principal.displayName} gets a new password, which is shown once, and is signed out everywhere. The second factor stays.</div>
    </FormDialog>
  );
}

function SecretDialog({ principal, onClose }: ActionProps) {
  const add = useAddProgramSecret();
  const [days, setDays] = useState('365');
  if (add.data) return <FormDialog title="New secret" onClose={onClose}><SecretsOnce secrets={[['Client secret', add.data.secretText]]}>{`The secret is shown once and good until ${formatDay(add.data.endDateTime)}. Older ones work until they end.`}</SecretsOnce></FormDialog>;
  return (
    <FormDialog title="New secret" submit="Make the secret" busy={add.isPending} error={add.error} failed="No secret was made" onSubmit={() => add.mutate({ program: principal, days: Number(days) })} onClose={onClose}>
      <Field label="Good for"><Select value={days} onChange={(_, data) => setDays(data.value)}>{secretDays.map(([value, text]) => <option key={value} value={value}>{text}</option>)}</Select></Field>
    </FormDialog>
  );
}

type Question = Exclude<ActionName, 'link' | 'password' | 'secret'>;

const texts: Record<Question, { title: string; submit: string; done: string; text: (name: string) => ReactNode }> = {
  factor: { title: 'Remove second factor', submit: 'Remove', done: 'Second factor removed', text: (name) => `For who lost the phone: ${name} signs in with the password alone until a new factor is added, and is signed out everywhere now.` },
  signOut: { title: 'Sign out everywhere', submit: 'Sign out', done: 'Signed out everywhere', text: (name) => `Every session and token of ${name} ends now.` },
  enable: { title: 'Enable account', submit: 'Enable', done: 'Account enabled', text: (name) => `${name} may sign in again.` },
  disable: { title: 'Disable account', submit: 'Disable', done: 'Account disabled', text: (name) => `${name} cannot sign in any more, and every session and token ends now. Roles stay.` },
  delete: { title: 'Delete account', submit: 'Delete', done: 'Account deleted', text: (name) => `${name} goes away with everything it signs in with. This cannot be undone.` },
};

function Asked({ action, principal, onClose, onDeleted }: ActionProps & { action: Question; onDeleted: () => void }) {
  const notify = useNotify();
  const factor = useRemoveSecondFactor();
  const signOut = useSignOutUser();
  const enable = useEnablePrincipal();
  const remove = useDeletePrincipal();
  const { title, submit, done, text } = texts[action];
  const state = { factor, signOut, enable, disable: enable, delete: remove }[action];
  const settled = { onSuccess: () => {
    notify.done(done);
    if (action === 'delete') onDeleted();
    else onClose();
  } };
  const confirm = () => {
    if (action === 'factor') factor.mutate(principal, settled);
    else if (action === 'signOut') signOut.mutate(principal, settled);
    else if (action === 'delete') remove.mutate(principal, settled);
    else enable.mutate({ principal, enabled: action === 'enable' }, settled);
  };
  return (
    <ConfirmDialog title={title} submit={submit} busy={state.isPending} error={state.error} failed="Nothing was changed" onConfirm={confirm} onClose={onClose}
      {...(action === 'delete' ? { typed: principal.displayName } : {})}>
      {text(principal.displayName)}
    </ConfirmDialog>
  );
}
