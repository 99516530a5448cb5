import { FluentProvider, makeStyles, Toaster, tokens } from '@fluentui/react-components';
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { useState, type ReactNode } from 'react';
import { ApiError } from '@/api/errors';
import { toasterId } from '@/ui/notify';
import { useTheme } from './theme';

const useStyles = makeStyles({
  root: { height: '100%', backgroundColor: tokens.colorNeutralBackground2, color: tokens.colorNeutralForeground1 },
});

export function Providers({ children }: { children: ReactNode }) {
  const styles = useStyles();
  const { theme } = useTheme();
  const [client] = useState(newClient);
  return (
    <QueryClientProvider client={client}>
      {/* Classes of the provider are copied to every portal; size and background belong to the page alone. */}
      <FluentProvider theme={theme} style={{ height: '100%' }}>
        <div className={styles.root}>{children}</div>
        <Toaster toasterId={toasterId} position="top-end" pauseOnHover limit={4} />
      </FluentProvider>
    </QueryClientProvider>
  );
}

function newClient(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      queries: {
        // Changes arrive by the event stream; refetching on focus is the safety net.
        staleTime: 15_000,
        retry: (failures, error) => failures < 2 && error instanceof ApiError && error.retryable,
      },
    },
  });
}
