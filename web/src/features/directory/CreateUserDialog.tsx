import { Field, Input, Select } from '@fluentui/react-components';
import { useState } from 'react';
import { useCreateUser, useSignInLink } from '@/api/directory';
import { newPassword } from '@/lib/password';
import { paths } from '@/lib/paths';
import { AppLink } from '@/ui/AppLink';
import { FormDialog } from '@/ui/FormDialog';
import { SecretsOnce } from '@/ui/SecretsOnce';
import { lifetimes } from './lifetimes';

/** A new person, with a first password and a link that signs in once. */
export function CreateUserDialog({ onClose }: { onClose: () => void }) {
  const create = useCreateUser();
  const link = useSignInLink();
  const [name, setName] = useState('');
  const [minutes, setMinutes] = useState('1440');
  const [password] = useState(() => newPassword());
  const made = create.data;
  const submit = () => create.mutate({ name: name.trim(), password }, { onSuccess: (user) => link.mutate({ user, minutes: Number(minutes) }) });
  if (made) {
    const secrets: [string, string][] = [...(link.data ? [['Sign-in link, good once', link.data] as [string, string]] : []), ['First password', password]];
    return (
      <FormDialog title={`${made.displayName} was created`} error={link.error} failed="No sign-in link was made; the password works" onClose={onClose}>
        <SecretsOnce secrets={secrets}>Shown once. Hand them over by a safe way; the first sign-in with the password asks for another, and a second factor is added under the account menu.</SecretsOnce>
        <div>The account may do nothing yet: <AppLink to={paths.access()}>give it a role</AppLink>.</div>
      </FormDialog>
    );
  }
  return (
    <FormDialog title="New user" submit="Create" busy={create.isPending} disabled={!name.trim()} error={create.error} failed="The user was not created" onSubmit={submit} onClose={onClose}>
      <Field label="User name" required hint="What the person types to sign in, such as an address"><Input value={name} autoComplete="off" onChange={(_, data) => setName(data.value)} /></Field>
      <Field label="Sign-in link is good for"><Select value={minutes} onChange={(_, data) => setMinutes(data.value)}>{lifetimes.map(([value, text]) => <option key={value} value={value}>{text}</option>)}</Select></Field>
    </FormDialog>
  );
}
