import { makeStyles, tokens } from '@fluentui/react-components';
import type { Incident } from '@/api/types';
import { formatDateTime } from '@/lib/dates';
import { Card } from '@/ui/Card';
import { Facts } from '@/ui/Facts';
import { classificationText, spaced } from './words';

const useStyles = makeStyles({ text: { margin: 0, lineHeight: tokens.lineHeightBase400 } });

export function DetailsCard({ incident }: { incident: Incident }) {
  const styles = useStyles();
  const { properties } = incident;
  return (
    <Card title="Details">
      {properties.description && <p className={styles.text}>{properties.description}</p>}
      <Facts facts={[
        ['Owner', properties.owner?.assignedTo ?? 'Unassigned'],
        ['Status', properties.status],
        ['Classification', classificationText(properties.classification, properties.classificationReason)],
        ['Reason', properties.classificationComment],
        ['Tactics', properties.additionalData?.tactics?.map(spaced).join(', ')],
        ['Alerts', properties.additionalData?.alertsCount],
        ['Product', properties.additionalData?.alertProductNames?.join(', ')],
        ['Created', formatDateTime(properties.createdTimeUtc)],
        ['First activity', formatDateTime(properties.firstActivityTimeUtc)],
        ['Last activity', formatDateTime(properties.lastActivityTimeUtc)],
        ['Last update', formatDateTime(properties.lastModifiedTimeUtc)],
        ['Labels', properties.labels?.map((label) => label.labelName).join(', ')],
      ]} />
    </Card>
  );
}
