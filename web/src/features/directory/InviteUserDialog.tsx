import { Field, Input } from '@fluentui/react-components';
import { useState } from 'react';
import { useInviteUser } from '@/api/directory';
import { paths } from '@/lib/paths';
import { AppLink } from '@/ui/AppLink';
import { FormDialog } from '@/ui/FormDialog';
import { SecretsOnce } from '@/ui/SecretsOnce';

/** A new person who signs in at the outside provider and has no password here. */
export function InviteUserDialog({ provider, onClose }: { provider: string; onClose: () => void }) {
  const invite = useInviteUser();
  const [email, setEmail] = useState('');
  const [name, setName] = useState('');
  const made = invite.data;
  if (made) {
    return (
      <FormDialog title={`${made.invitedUser.displayName} is invited`} onClose={onClose}>
        <SecretsOnce secrets={[['Address to sign in at', made.inviteRedeemUrl]]}>{`No mail is sent: hand the address over. It is no secret, as ${provider} asks who comes. The invitation is good for 30 days.`}</SecretsOnce>
        <div>The account may do nothing yet: <AppLink to={paths.access()}>give it a role</AppLink>.</div>
      </FormDialog>
    );
  }
  return (
    <FormDialog title={`Invite a person of ${provider}`} submit="Invite" busy={invite.isPending} disabled={!email.includes('@')} error={invite.error} failed="Nobody was invited"
      onSubmit={() => invite.mutate({ email: email.trim(), name: name.trim() })} onClose={onClose}>
      <Field label="E-mail address" required hint={`As ${provider} has verified it`}><Input type="email" value={email} autoComplete="off" onChange={(_, data) => setEmail(data.value)} /></Field>
      <Field label="Name" hint="How the account is listed; the address when empty"><Input value={name} autoComplete="off" onChange={(_, data) => setName(data.value)} /></Field>
    </FormDialog>
  );
}
