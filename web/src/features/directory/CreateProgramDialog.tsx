import { Field, Input, Select } from '@fluentui/react-components';
import { useState } from 'react';
import { useCreateProgram } from '@/api/directory';
import { useSession } from '@/api/session';
import { formatDay } from '@/lib/dates';
import { paths } from '@/lib/paths';
import { AppLink } from '@/ui/AppLink';
import { FormDialog } from '@/ui/FormDialog';
import { SecretsOnce } from '@/ui/SecretsOnce';
import { secretDays } from './lifetimes';

/** A new account for a program; its secret is shown once. */
export function CreateProgramDialog({ onClose }: { onClose: () => void }) {
  const session = useSession();
  const create = useCreateProgram();
  const [name, setName] = useState('');
  const [days, setDays] = useState('365');
  if (create.data) {
    const { program, secret } = create.data;
    return (
      <FormDialog title={`${program.displayName} was created`} onClose={onClose}>
        <SecretsOnce secrets={[['Application (client) id', program.appId ?? ''], ['Client secret', secret.secretText], ['Tenant id', session.tenantId]]}>
          {`The secret is shown once and good until ${formatDay(secret.endDateTime)}.`}
        </SecretsOnce>
        <div>The account may do nothing yet: <AppLink to={paths.access()}>give it a role</AppLink>.</div>
      </FormDialog>
    );
  }
  return (
    <FormDialog title="New service principal" submit="Create" busy={create.isPending} disabled={!name.trim()} error={create.error} failed="The service principal was not created"
      onSubmit={() => create.mutate({ name: name.trim(), days: Number(days) })} onClose={onClose}>
      <Field label="Name" required hint="What it is for"><Input value={name} autoComplete="off" onChange={(_, data) => setName(data.value)} /></Field>
      <Field label="The secret is good for"><Select value={days} onChange={(_, data) => setDays(data.value)}>{secretDays.map(([value, text]) => <option key={value} value={value}>{text}</option>)}</Select></Field>
    </FormDialog>
  );
}
