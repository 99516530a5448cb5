import { Button, Caption1, Dropdown, makeStyles, MessageBar, MessageBarBody, Option, Switch, tokens } from '@fluentui/react-components';
import { SaveRegular } from '@fluentui/react-icons/svg/save';
import { useState } from 'react';
import { isOn, serversPlan, usePlans, useSavePlans, type PlanChange } from '@/api/plans';
import { useMachines } from '@/api/machines';
import { usePolicySummary } from '@/api/policy';
import { useSession } from '@/api/session';
import type { Pricing } from '@/api/types';
import { paths } from '@/lib/paths';
import { countOf } from '@/lib/units';
import { AppLink } from '@/ui/AppLink';
import { Card } from '@/ui/Card';
import { DataTable, type Column } from '@/ui/DataTable';
import { useNotify } from '@/ui/notify';
import { ErrorState, Loaded } from '@/ui/states';
import { Status } from '@/ui/Status';
import { ComplianceProgress } from './ComplianceProgress';
import { planNames } from './plan-names';
import { PlanFeatures } from './PlanFeatures';
import { SettingsFrame } from './SettingsFrame';

const useStyles = makeStyles({
  name: { display: 'flex', flexDirection: 'column' },
  title: { fontWeight: tokens.fontWeightSemibold },
  faint: { color: tokens.colorNeutralForeground3, fontSize: tokens.fontSizeBase200 },
  dropdown: { minWidth: '110px', width: '110px' },
});

type Draft = Record<string, { on: boolean; subPlan: string }>;

/** Defender plans: what is protected, switched and saved together. */
export default function PlansPage() {
  const styles = useStyles();
  const session = useSession();
  const plans = usePlans();
  const machines = useMachines();
  const summary = usePolicySummary();
  const save = useSavePlans();
  const notify = useNotify();
  const [draft, setDraft] = useState<Draft>({});

  const valueOf = (plan: Pricing) => draft[plan.name] ?? { on: isOn(plan), subPlan: plan.properties.subPlan ?? planNames[plan.name]?.subPlans?.at(-1) ?? '' };
  const edit = (plan: Pricing, change: Partial<{ on: boolean; subPlan: string }>) => setDraft({ ...draft, [plan.name]: { ...valueOf(plan), ...change } });
  const changes = (plans.data ?? []).flatMap((plan): PlanChange[] => {
    const { on, subPlan } = valueOf(plan);
    const same = on === isOn(plan) && (!on || !subPlan || subPlan === plan.properties.subPlan || !planNames[plan.name]?.subPlans);
    return same ? [] : [{ name: plan.name, pricingTier: on ? 'Standard' : 'Free', ...(on && subPlan ? { subPlan } : {}) }];
  });
  const submit = () => save.mutate(changes, {
    onSuccess: () => {
      setDraft({});
      notify.done('Plans saved', 'Servers are being brought in line now.');
    },
  });
  const columns: Column<Pricing>[] = [
    {
      id: 'plan', header: 'Plan', wrap: true,
      render: (plan) => (
        <span className={styles.name}>
          <span className={styles.title}>{planNames[plan.name]?.title ?? plan.name}</span>
          <span className={styles.faint}>{plan.properties.protection?.protects || planNames[plan.name]?.covers}</span>
          {plan.properties.protection?.state === 'NothingProtected' && <Status tone="warn">On, and protects nothing: {plan.properties.protection.lacks}</Status>}
          {plan.properties.protection?.state === 'Partial' && <span className={styles.faint}>Without: {plan.properties.protection.lacks}</span>}
        </span>
      ),
    },
    { id: 'resources', header: 'Resources', width: '120px', render: (plan) => (plan.name === serversPlan ? countOf(machines.data?.length ?? 0, 'server') : '–') },
    {
      id: 'sub', header: 'Tier', width: '140px',
      render: (plan) => {
        const subPlans = planNames[plan.name]?.subPlans;
        const { on, subPlan } = valueOf(plan);
        if (!subPlans) return '–';
        return (
          <Dropdown className={styles.dropdown} aria-label={`Tier of ${planNames[plan.name]?.title ?? plan.name}`} disabled={!on} value={on ? `Plan ${subPlan.slice(1)}` : '–'} selectedOptions={[subPlan]} onOptionSelect={(_, data) => edit(plan, { subPlan: data.optionValue ?? '' })}>
            {subPlans.map((option) => <Option key={option} value={option}>{`Plan ${option.slice(1)}`}</Option>)}
          </Dropdown>
        );
      },
    },
    { id: 'status', header: 'Status', width: '150px', render: (plan) => !plan.properties.protection?.switchable ? <Caption1 title={plan.properties.protection?.lacks}>Not available</Caption1> : <Switch checked={valueOf(plan).on} label={valueOf(plan).on ? 'On' : 'Off'} aria-label={`${planNames[plan.name]?.title ?? plan.name} plan`} onChange={(_, data) => edit(plan, { on: data.checked })} /> },
  ];
  const rows = [...(plans.data ?? [])].filter((plan) => !plan.properties.deprecated).sort((left, right) => Number(right.name === serversPlan) - Number(left.name === serversPlan));
  const servers = plans.data?.find((plan) => plan.name === serversPlan);
  return (
    <SettingsFrame title="Defender plans" actions={<Button appearance="primary" icon={<SaveRegular />} disabled={changes.length === 0 || save.isPending} title={changes.length === 0 ? 'Nothing has changed' : undefined} onClick={submit}>{save.isPending ? 'Saving…' : 'Save'}</Button>}>
      {save.error && <ErrorState error={save.error} what="The plans were not saved" />}
      {changes.length > 0 && <MessageBar intent="info"><MessageBarBody>{countOf(changes.length, 'change')} not saved yet.</MessageBarBody></MessageBar>}
      <Card flush>
        <Loaded query={plans} what="plans" rows={5}>{() => <DataTable label="Defender plans" columns={columns} rows={rows} rowKey={(row) => row.name} minWidth={640} />}</Loaded>
      </Card>
      {servers && isOn(servers) && (
        <Card title="Provisioning" action={<AppLink to={paths.provisioning(session.subscriptionId)}>By server</AppLink>}>
          <ComplianceProgress summary={summary.data} />
        </Card>
      )}
      <PlanFeatures />
    </SettingsFrame>
  );
}
