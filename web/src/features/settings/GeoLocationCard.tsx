import { Button, Field, Input, makeStyles, tokens } from '@fluentui/react-components';
import type { UseQueryResult } from '@tanstack/react-query';
import { useState } from 'react';
import { useChooseGeoLocation } from '@/api/tenant-settings';
import type { TenantSettings } from '@/api/types';
import { Card } from '@/ui/Card';
import { ConfirmDialog } from '@/ui/ConfirmDialog';
import { Facts } from '@/ui/Facts';
import { useNotify } from '@/ui/notify';
import { Loaded } from '@/ui/states';

const useStyles = makeStyles({
  text: { margin: 0, color: tokens.colorNeutralForeground2, lineHeight: tokens.lineHeightBase400 },
  row: { display: 'flex', gap: '12px', alignItems: 'flex-end', flexWrap: 'wrap' },
});

/** Where the tenant's data is said to be: chosen once, because people agree on it with others. */
export function GeoLocationCard({ settings }: { settings: UseQueryResult<TenantSettings> }) {
  const styles = useStyles();
  const notify = useNotify();
  const choose = useChooseGeoLocation();
  const [place, setPlace] = useState('');
  const [asking, setAsking] = useState(false);
  const wanted = place.trim();
  return (
    <Card title="Geo-location">
      <Loaded query={settings} what="the tenant's settings" rows={2}>
        {({ properties: { geoLocation } }) => (geoLocation !== null ? (
          <>
            <Facts facts={[['Chosen', geoLocation]]} />
            <p className={styles.text}>It was chosen once and cannot be changed here. The owner of the server can take it back at its machine: <code>bartizan tenant reset-geo-location --data DIR</code>. Nothing is moved by that.</p>
          </>
        ) : (
          <>
            <p className={styles.text}>Say where this server's data lies, as your contracts and policies name it. The data is in the server's folder, wherever that is: this names the place, and moves nothing. It is chosen once.</p>
            <div className={styles.row}>
              <Field label="Geo-location"><Input value={place} maxLength={60} placeholder="Europe" onChange={(_, data) => setPlace(data.value)} /></Field>
              <Button appearance="primary" disabled={wanted === ''} onClick={() => setAsking(true)}>Choose…</Button>
            </div>
          </>
        ))}
      </Loaded>
      {asking && (
        <ConfirmDialog title="Choose the geo-location" submit="Choose" typed={wanted} busy={choose.isPending} error={choose.error} failed="The geo-location was not chosen" onClose={() => { choose.reset(); setAsking(false); }}
          onConfirm={() => choose.mutate(wanted, { onSuccess: () => { notify.done(`The geo-location is ${wanted}`); setAsking(false); } })}>
          Once it is chosen, nobody can change it in the portal or by the API.
        </ConfirmDialog>
      )}
    </Card>
  );
}
