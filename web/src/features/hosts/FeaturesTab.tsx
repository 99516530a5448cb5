import { Field, makeStyles, Select } from '@fluentui/react-components';
import { useFeatures, useSetMachinePlan } from '@/api/plans';
import type { PlanFeature, Pricing } from '@/api/types';
import { DataTable, type Column } from '@/ui/DataTable';
import { useNotify } from '@/ui/notify';
import { ErrorState, Loaded } from '@/ui/states';
import { Status } from '@/ui/Status';

const useStyles = makeStyles({ plan: { padding: '12px 20px', maxWidth: '320px' } });

const tones = { On: 'good', Pending: 'neutral', Off: 'neutral', Failed: 'bad', NotAvailable: 'neutral' } as const;
const words = { On: 'On', Pending: 'Pending', Off: 'Off', Failed: 'Failed', NotAvailable: 'Not here yet' } as const;

const columns: readonly Column<PlanFeature>[] = [
  { id: 'name', header: 'Feature', width: '30%', wrap: true, sort: (row) => row.properties.displayName, render: (row) => row.properties.displayName },
  { id: 'state', header: 'State', width: '140px', sort: (row) => row.properties.state, render: (row) => <Status tone={tones[row.properties.state]}>{words[row.properties.state]}</Status> },
  { id: 'reason', header: 'Why', wrap: true, render: (row) => row.properties.reason },
  { id: 'remedy', header: 'What turns it on', wrap: true, render: (row) => row.properties.remedy || '–' },
];

/** What a server's plans include, what of it is on, and the server's own plan. */
export function FeaturesTab({ machine, own }: { machine: string; own: Pricing | undefined }) {
  const styles = useStyles();
  const notify = useNotify();
  const features = useFeatures(machine);
  const set = useSetMachinePlan(machine);
  const choice = own === undefined ? 'inherited' : own.properties.pricingTier === 'Free' ? 'Free' : 'P1';
  return (
    <>
      {set.error && <ErrorState error={set.error} what="The plan of this server was not set" />}
      <div className={styles.plan}>
        <Field label="Servers plan of this server">
          <Select value={choice} disabled={set.isPending} onChange={(_, data) => set.mutate(data.value as 'inherited' | 'Free' | 'P1', { onSuccess: () => notify.done('The plan is set', 'The server is being brought in line now.') })}>
            <option value="inherited">As its subscription</option>
            <option value="P1">Plan 1</option>
            <option value="Free">Off</option>
          </Select>
        </Field>
      </div>
      <Loaded query={features} what="the features">
        {(rows) => <DataTable label="Features" columns={columns} rows={rows} rowKey={(row) => row.name} minWidth={760} />}
      </Loaded>
    </>
  );
}
