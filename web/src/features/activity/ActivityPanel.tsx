import { makeStyles, mergeClasses, tokens } from '@fluentui/react-components';
import { operationText, type Activity } from '@/api/activity';
import { formatDateTime } from '@/lib/dates';
import { differences, valueText, type Difference } from '@/lib/json-diff';
import { paths } from '@/lib/paths';
import { AppLink } from '@/ui/AppLink';
import { Card } from '@/ui/Card';
import { CodeBlock } from '@/ui/CodeBlock';
import { DataTable, type Column } from '@/ui/DataTable';
import { Facts } from '@/ui/Facts';
import { SidePanel } from '@/ui/SidePanel';
import { EmptyState } from '@/ui/states';

const useStyles = makeStyles({
  value: { fontFamily: tokens.fontFamilyMonospace, fontSize: '13px', overflowWrap: 'anywhere' },
  old: { color: tokens.colorPaletteRedForeground2 },
  fresh: { color: tokens.colorPaletteGreenForeground2 },
});

/** One change: who made it, and each property before and after. */
export function ActivityPanel({ activity, onClose }: { activity: Activity; onClose: () => void }) {
  const styles = useStyles();
  const { before, after } = activity;
  const known = before !== undefined || after !== undefined;
  const all = known ? differences(before ?? undefined, after ?? undefined) : [];
  const columns: Column<Difference>[] = [
    { id: 'path', header: 'Property', width: '34%', wrap: true, render: (row) => <span className={styles.value}>{row.path || '(all)'}</span> },
    { id: 'before', header: 'Before', wrap: true, render: (row) => <span className={mergeClasses(styles.value, styles.old)}>{valueText(row.before) || '–'}</span> },
    { id: 'after', header: 'After', wrap: true, render: (row) => <span className={mergeClasses(styles.value, styles.fresh)}>{valueText(row.after) || '–'}</span> },
  ];
  return (
    <SidePanel wide title={operationText(activity.operation)} onClose={onClose}>
      <Facts facts={[
        ['Operation', activity.operation],
        ['Status', activity.status],
        ['Time', formatDateTime(activity.time)],
        ['Caller', activity.caller],
        ['Address', activity.address],
        ['Resource', activity.resourceId],
        ['Correlation id', activity.correlation],
        ['More', <AppLink key="more" to={paths.activity({ resource: activity.resourceId, range: '30d' })} onClick={onClose}>All changes of this resource, 30 days</AppLink>],
      ]} />
      <Card flush title="Changed properties">
        <DataTable label="Changed properties" columns={columns} rows={all} rowKey={(row) => row.path} minWidth={520}
          empty={<EmptyState title={known ? 'Nothing differs' : 'The log has no bodies for this entry'}>{known ? 'The write left everything as it was.' : 'They were too large, or the operation has none.'}</EmptyState>} />
      </Card>
      {after !== undefined && after !== null && <CodeBlock label="After, as JSON" text={JSON.stringify(after, null, 2)} />}
    </SidePanel>
  );
}
