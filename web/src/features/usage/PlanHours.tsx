import { Button, Field, Input, makeStyles, Select, tokens } from '@fluentui/react-components';
import { ArrowDownloadRegular } from '@fluentui/react-icons/svg/arrow-download';
import { useState } from 'react';
import { subscriptionScope, useSession } from '@/api/session';
import { usageReportUrl, useSetPrices, useUsageReport, type MachineHours, type PlanHours as Hours, type Prices } from '@/api/usage-report';
import { paths } from '@/lib/paths';
import { countOf, formatCount } from '@/lib/units';
import { AppLink } from '@/ui/AppLink';
import { DataTable, type Column } from '@/ui/DataTable';
import { FormDialog } from '@/ui/FormDialog';
import { EmptyState, Loaded } from '@/ui/states';
import { useSearchState } from '@/ui/use-search-state';

const useStyles = makeStyles({
  bar: { display: 'flex', gap: '12px', alignItems: 'flex-end', flexWrap: 'wrap', padding: '12px 20px' },
  faint: { color: tokens.colorNeutralForeground3, padding: '0 20px 12px', margin: 0 },
});

const money = (amount: number, currency: string) => new Intl.NumberFormat(undefined, { style: 'currency', currency }).format(amount);
const sum = (hours: Hours) => hours.serversP1 + hours.serversP2 + hours.posture;

function columnsFor(currency: string): readonly Column<MachineHours>[] {
  const hours = (id: keyof Hours, header: string): Column<MachineHours> => ({ id, header, width: '120px', align: 'end', sort: (row) => row.hours[id], render: (row) => formatCount(row.hours[id]) });
  return [
    { id: 'name', header: 'Machine', sort: (row) => row.name, render: (row) => <AppLink strong to={paths.machine(row.id)}>{row.name}</AppLink> },
    { id: 'group', header: 'Resource group', sort: (row) => row.resourceGroup, render: (row) => row.resourceGroup },
    hours('serversP1', 'Plan 1, h'),
    hours('serversP2', 'Plan 2, h'),
    hours('posture', 'CSPM, h'),
    { id: 'free', header: 'Free, h', width: '110px', align: 'end', sort: (row) => sum(row.freeHours), render: (row) => formatCount(sum(row.freeHours)) },
    { id: 'amount', header: 'Amount', width: '130px', align: 'end', sort: (row) => row.amount, render: (row) => money(row.amount, currency) },
  ];
}

/** Hours of plans by machine and month, with what they would cost. */
export function PlanHours({ matches }: { matches: (name: string) => boolean }) {
  const styles = useStyles();
  const session = useSession();
  const [month, setMonth] = useSearchState('month');
  const report = useUsageReport(month);
  const [editing, setEditing] = useState(false);
  return (
    <Loaded query={report} what="the usage report">
      {({ properties: { machines, months, month: shown, prices, total } }) => (
        <>
          <div className={styles.bar}>
            <Field label="Month"><Select value={shown} onChange={(_, data) => setMonth(data.value)}>{[...new Set([shown, ...months])].sort().reverse().map((name) => <option key={name}>{name}</option>)}</Select></Field>
            <Button as="a" icon={<ArrowDownloadRegular />} href={usageReportUrl(subscriptionScope(session), shown, 'csv')}>CSV</Button>
            <Button onClick={() => setEditing(true)}>Prices</Button>
          </div>
          <p className={styles.faint}>{money(total.amount, prices.currency)} for {countOf(sum(total.hours), 'hour')}, and {countOf(sum(total.freeHours), 'hour')} of free time. An hour counts in which the server heard of the machine’s agent. Nobody is sent a bill.</p>
          <DataTable key="plans" label="Hours by machine" columns={columnsFor(prices.currency)} rows={machines.filter((row) => matches(row.name))} rowKey={(row) => row.id} initialSort={{ id: 'amount', descending: true }} minWidth={860}
            empty={<EmptyState title="No hours in this month">Machines count while a plan is on and their agent is connected.</EmptyState>} />
          {editing && <PriceDialog prices={prices} onClose={() => setEditing(false)} />}
        </>
      )}
    </Loaded>
  );
}

const priceFields = [['serversP1Hour', 'Servers plan 1'], ['serversP2Hour', 'Servers plan 2'], ['postureHour', 'Defender CSPM']] as const;

/** What an hour of each plan costs. */
function PriceDialog({ prices, onClose }: { prices: Prices; onClose: () => void }) {
  const save = useSetPrices();
  const [currency, setCurrency] = useState(prices.currency);
  const [texts, setTexts] = useState<Record<string, string>>(() => Object.fromEntries(priceFields.map(([name]) => [name, String(prices[name])])));
  const valueOf = (name: string) => Number((texts[name] ?? '').replace(',', '.') || Number.NaN);
  const wrong = (name: string) => !(valueOf(name) >= 0 && valueOf(name) <= 1e6);
  const submit = () => save.mutate({ currency, serversP1Hour: valueOf('serversP1Hour'), serversP2Hour: valueOf('serversP2Hour'), postureHour: valueOf('postureHour') }, { onSuccess: onClose });
  return (
    <FormDialog title="Prices by the hour of a machine" submit="Save" busy={save.isPending} disabled={!/^[A-Z]{3}$/.test(currency) || priceFields.some(([name]) => wrong(name))} error={save.error} failed="The prices were not saved" onSubmit={submit} onClose={onClose}>
      <Field label="Currency" hint="Three letters, such as EUR"><Input value={currency} maxLength={3} onChange={(_, data) => setCurrency(data.value.toUpperCase())} /></Field>
      {priceFields.map(([name, label]) => (
        <Field key={name} label={label} validationState={wrong(name) ? 'error' : 'none'} validationMessage={wrong(name) ? 'A number from 0 to 1000000' : undefined}>
          <Input value={texts[name] ?? ''} inputMode="decimal" onChange={(_, data) => setTexts({ ...texts, [name]: data.value })} />
        </Field>
      ))}
    </FormDialog>
  );
}
