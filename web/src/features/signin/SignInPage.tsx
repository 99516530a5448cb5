import { Button, Card, Field, Input, Link, makeStyles, MessageBar, MessageBarBody, tokens } from '@fluentui/react-components';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useEffect, useRef, useState, type FormEvent } from 'react';
import { useLocation, useNavigate } from 'react-router';
import { sessionKey, signIn } from '@/api/session';
import { paths } from '@/lib/paths';
import { ErrorState } from '@/ui/states';

const useStyles = makeStyles({
  root: { minHeight: '100%', display: 'flex', alignItems: 'center', justifyContent: 'center', padding: '24px', boxSizing: 'border-box' },
  card: { width: '400px', maxWidth: '100%', padding: '32px', gap: '20px', boxShadow: tokens.shadow8, border: `1px solid ${tokens.colorNeutralStroke2}` },
  brand: { display: 'flex', alignItems: 'center', gap: '12px' },
  title: { margin: 0, fontSize: '22px', lineHeight: '28px', fontWeight: tokens.fontWeightSemibold },
  text: { margin: 0, color: tokens.colorNeutralForeground2, lineHeight: tokens.lineHeightBase400 },
  form: { display: 'flex', flexDirection: 'column', gap: '16px' },
});

/** Takes the one-time code from the address (`/signin#code`) or from the form. */
export default function SignInPage() {
  const styles = useStyles();
  const client = useQueryClient();
  const navigate = useNavigate();
  const location = useLocation();
  const state = location.state as { from?: string; expired?: boolean } | null;
  const [code, setCode] = useState('');
  const tried = useRef(false);
  const enter = useMutation({
    mutationFn: signIn,
    onSuccess: (session) => {
      client.setQueryData(sessionKey, session);
      void navigate(state?.from ?? paths.overview(), { replace: true });
    },
  });

  useEffect(() => {
    document.title = 'Sign in – Bartizan';
    const fromLink = window.location.hash.slice(1);
    // A code works once; React's development mode would send it twice.
    if (!fromLink || tried.current) return;
    tried.current = true;
    window.history.replaceState(window.history.state, '', window.location.pathname);
    enter.mutate(decodeURIComponent(fromLink));
    // eslint-disable-next-line react-hooks/exhaustive-deps -- runs for the address the page was opened with
  }, []);

  const submit = (event: FormEvent) => {
    event.preventDefault();
    const text = code.trim();
    // People paste the whole link.
    enter.mutate(text.includes('#') ? text.slice(text.indexOf('#') + 1) : text);
  };
  return (
    <main className={styles.root}>
      <Card className={styles.card}>
        <div className={styles.brand}>
          <img src="/bartizan.svg" width="36" height="36" alt="" />
          <h1 className={styles.title}>Sign in to Bartizan</h1>
        </div>
        {state?.expired && !enter.error && (
          <MessageBar intent="warning" layout="multiline"><MessageBarBody>Your session has ended. Sign in again to go on where you were.</MessageBarBody></MessageBar>
        )}
        <p className={styles.text}>Open the sign-in link that the server printed, or paste it, or its code, here.</p>
        <form className={styles.form} onSubmit={submit}>
          <Field label="Sign-in link or code" required>
            <Input value={code} onChange={(_, data) => setCode(data.value)} autoFocus autoComplete="one-time-code" spellCheck={false} />
          </Field>
          {enter.error && <ErrorState error={enter.error} what="Sign-in failed" />}
          <Button appearance="primary" type="submit" disabled={!code.trim() || enter.isPending}>
            {enter.isPending ? 'Signing in…' : 'Sign in'}
          </Button>
        </form>
        {/* The server's own page: it has no scripts and sets the same session. */}
        <Link href="/identity/signin">Sign in with a name and password</Link>
      </Card>
    </main>
  );
}
