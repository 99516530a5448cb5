import { Button } from '@fluentui/react-components';
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useNavigate } from 'react-router';
import { useAccount, useSignOutEverywhere } from '@/api/account';
import { useSession } from '@/api/session';
import { paths } from '@/lib/paths';
import { Card } from '@/ui/Card';
import { ConfirmDialog } from '@/ui/ConfirmDialog';
import { Facts } from '@/ui/Facts';
import { Page } from '@/ui/Page';
import { Loaded } from '@/ui/states';
import { PasswordForm } from './PasswordForm';
import { SecondFactor } from './SecondFactor';

/** The signed-in person's own account: password, second factor, and the end of every session. */
export default function AccountPage() {
  const session = useSession();
  const account = useAccount();
  const client = useQueryClient();
  const navigate = useNavigate();
  const signOut = useSignOutEverywhere();
  const [asking, setAsking] = useState(false);
  const leave = () => signOut.mutate({}, { onSuccess: () => { client.clear(); void navigate(paths.signIn()); } });
  return (
    <Page narrow title="Your account" subtitle={session.name} actions={<Button onClick={() => setAsking(true)}>Sign out everywhere</Button>}>
      <Card title="You"><Facts facts={[['Name', session.name], ['Object id', session.objectId], ['Tenant id', session.tenantId]]} /></Card>
      <Loaded query={account} what="your account">
        {(found) => (
          <>
            <PasswordForm account={found} />
            <SecondFactor account={found} />
          </>
        )}
      </Loaded>
      {asking && (
        <ConfirmDialog title="Sign out everywhere" submit="Sign out" busy={signOut.isPending} error={signOut.error} failed="Nothing was changed" onConfirm={leave} onClose={() => setAsking(false)}>
          Every session and token of yours ends now, this one too.
        </ConfirmDialog>
      )}
    </Page>
  );
}
