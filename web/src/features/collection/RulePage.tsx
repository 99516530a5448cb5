import { Button, Field, Input, makeStyles } from '@fluentui/react-components';
import { SaveRegular } from '@fluentui/react-icons/svg/save';
import { lazy, Suspense, useState } from 'react';
import { useNavigate, useParams } from 'react-router';
import { useCollectionRules, useSaveRule } from '@/api/collection';
import { useDiagnostics } from '@/kql/use-diagnostics';
import { useSession } from '@/api/session';
import { useTables } from '@/api/tables';
import type { CollectionRule } from '@/api/types';
import { paths } from '@/lib/paths';
import { Card } from '@/ui/Card';
import { ColumnFields, columnsProblem } from '@/ui/ColumnFields';
import { useNotify } from '@/ui/notify';
import { Page } from '@/ui/Page';
import { EmptyState, ErrorState, Loaded, RowsSkeleton } from '@/ui/states';
import { useDark } from '@/ui/use-dark';
import { WorkspaceField } from '@/ui/WorkspaceField';
import { MachinesCard } from './MachinesCard';
import { PreviewCard } from './PreviewCard';
import { emptyForm, formOf, formProblem, isSimple, propertiesOf, sourcePrefix, streamTypes, type RuleForm } from './rule';

const Editor = lazy(() => import('@/kql/Editor'));

const useStyles = makeStyles({
  grid: { display: 'grid', gridTemplateColumns: 'minmax(300px, 400px) minmax(0, 1fr)', gap: '16px', alignItems: 'start', '@media (max-width: 1100px)': { gridTemplateColumns: 'minmax(0, 1fr)' } },
  column: { display: 'flex', flexDirection: 'column', gap: '16px', minWidth: 0 },
  editor: { height: '180px' },
});

/** One rule: its stream, its transformation with a preview, and its table. */
export default function RulePage() {
  const { rule: name = 'new' } = useParams();
  const rules = useCollectionRules();
  if (name === 'new') return <Form key="new" rule={undefined} />;
  return (
    <Loaded query={rules} what="the rule">
      {(all) => {
        const rule = all.find((entry) => entry.name === name);
        if (!rule) return <Page title={name}><EmptyState title="There is no such rule" /></Page>;
        if (!isSimple(rule)) return <Page title={name}><EmptyState title="This rule is more than the form can show">It has several streams or flows, or collects from machines. Change what it says through the API; here is which machines follow it.</EmptyState><MachinesCard rule={rule} /></Page>;
        return <Form key={rule.id} rule={rule} />;
      }}
    </Loaded>
  );
}

function Form({ rule }: { rule: CollectionRule | undefined }) {
  const styles = useStyles();
  const session = useSession();
  const navigate = useNavigate();
  const notify = useNotify();
  const dark = useDark();
  const tables = useTables();
  const save = useSaveRule();
  const [form, setForm] = useState(() => (rule ? formOf(rule) : emptyForm()));
  const set = (change: Partial<RuleForm>) => setForm((all) => ({ ...all, ...change }));
  const prefix = sourcePrefix(form.columns);
  const diagnostics = useDiagnostics(prefix + form.transform);
  const wrong = columnsProblem(form.columns);
  const problem = wrong ?? formProblem(form);
  const submit = () =>
    save.mutate({ name: form.name.trim(), etag: rule?.etag, properties: propertiesOf(form, session.workspaceId) }, {
      onSuccess: (saved) => {
        notify.done(rule ? 'Rule saved' : `Rule ${saved.name} created`);
        void navigate(paths.collectionRules());
      },
    });
  return (
    <Page title={rule ? rule.name : 'Create rule'} subtitle="A stream comes in, is transformed, and goes to a table"
      actions={<Button appearance="primary" icon={<SaveRegular />} disabledFocusable={Boolean(problem) || save.isPending} title={problem} onClick={() => { if (!problem) submit(); }}>{rule ? 'Save' : 'Create'}</Button>}>
      {save.error && <ErrorState error={save.error} what="The rule was not saved" />}
      <div className={styles.grid}>
        <div className={styles.column}>
          <Card title="Rule">
            <Field label="Name" required><Input value={form.name} disabled={Boolean(rule)} onChange={(_, data) => set({ name: data.value })} /></Field>
            <Field label="Description"><Input value={form.description} onChange={(_, data) => set({ description: data.value })} /></Field>
          </Card>
          <Card title="Stream">
            <Field label="Name" required hint="Senders call it by this name"><Input value={form.stream} contentBefore="Custom-" aria-label="Name of the stream" onChange={(_, data) => set({ stream: data.value })} /></Field>
            <Field label="Columns of what is sent" validationState={wrong ? 'error' : 'none'} validationMessage={wrong}>
              <ColumnFields columns={form.columns} types={streamTypes} onChange={(columns) => set({ columns })} />
            </Field>
          </Card>
          <Card title="Destination">
            <Field label="Table" required hint="A name that ends in _CL is made with the columns of the result, when it is not there yet.">
              <Input value={form.table} list="rule-tables" aria-label="Table" onChange={(_, data) => set({ table: data.value })} />
            </Field>
            <WorkspaceField value={form.workspace || session.workspaceId} onChange={(workspace) => set({ workspace })} />
            <datalist id="rule-tables">{(tables.data ?? []).map((table) => <option key={table.id} value={table.name} />)}</datalist>
          </Card>
        </div>
        <div className={styles.column}>
          <Card flush title="Transformation">
            <div className={styles.editor}>
              <Suspense fallback={<RowsSkeleton rows={4} />}>
                <Editor value={form.transform} onChange={(transform) => set({ transform })} diagnostics={diagnostics} dark={dark} prefix={prefix} label="Transformation" />
              </Suspense>
            </div>
          </Card>
          <PreviewCard form={form} tables={tables.data ?? []} />
          {rule && <MachinesCard rule={rule} />}
        </div>
      </div>
    </Page>
  );
}
