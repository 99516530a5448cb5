import { makeStyles, Spinner } from '@fluentui/react-components';
import { CompassNorthwestRegular } from '@fluentui/react-icons/svg/compass-northwest';
import { useRouteError } from 'react-router';
import { paths } from '@/lib/paths';
import { AppLink } from '@/ui/AppLink';
import { Page } from '@/ui/Page';
import { EmptyState, ErrorState } from '@/ui/states';

const useStyles = makeStyles({
  pad: { padding: '32px' },
  center: { height: '100%', display: 'flex', alignItems: 'center', justifyContent: 'center' },
});

/** While the first page's code is fetched. */
export function Loading() {
  return <div className={useStyles().center}><Spinner label="Loading" /></div>;
}

export function NotFound() {
  return (
    <Page title="Page not found">
      <EmptyState icon={<CompassNorthwestRegular />} title="There is no page at this address"
        action={<AppLink to={paths.overview()}>Go to the overview</AppLink>} />
    </Page>
  );
}

/** A page that failed to load or to render. */
export function PageError() {
  const error = useRouteError();
  return (
    <div className={useStyles().pad}>
      <ErrorState error={error} what="This page could not be shown" retry={() => window.location.reload()} />
    </div>
  );
}
