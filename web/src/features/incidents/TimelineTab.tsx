import { makeStyles, tokens } from '@fluentui/react-components';
import type { UseQueryResult } from '@tanstack/react-query';
import type { Incident, IncidentComment, SecurityAlert } from '@/api/types';
import { formatDateTime } from '@/lib/dates';
import { asSeverity } from '@/lib/severity';
import { Card } from '@/ui/Card';
import { severityColor } from '@/ui/palette';
import { Loaded } from '@/ui/states';

const useStyles = makeStyles({
  list: { listStyle: 'none', margin: 0, padding: 0 },
  item: {
    position: 'relative', display: 'grid', gridTemplateColumns: '170px 24px minmax(0, 1fr)', padding: '0 0 20px', ':last-child': { paddingBottom: 0 },
    '::before': { content: '""', position: 'absolute', left: '177px', top: '10px', bottom: '-10px', width: '2px', backgroundColor: tokens.colorNeutralStroke2 },
    ':last-child::before': { display: 'none' },
  },
  time: { color: tokens.colorNeutralForeground3, fontSize: tokens.fontSizeBase200, lineHeight: '20px' },
  dot: { width: '12px', height: '12px', marginTop: '4px', marginLeft: '2px', borderRadius: '50%', border: `2px solid ${tokens.colorNeutralBackground1}`, zIndex: 1, boxSizing: 'border-box' },
  title: { fontWeight: tokens.fontWeightSemibold },
  text: { color: tokens.colorNeutralForeground2, overflowWrap: 'anywhere' },
});

interface Entry {
  key: string;
  time: string | undefined;
  title: string;
  text?: string | undefined;
  color: string;
}

/** What happened, oldest first. */
export function TimelineTab({ incident, alerts, comments }: { incident: Incident; alerts: UseQueryResult<SecurityAlert[]>; comments: readonly IncidentComment[] }) {
  const styles = useStyles();
  return (
    <Card>
      <Loaded query={alerts} what="the timeline">
        {(found) => (
          <ol className={styles.list} aria-label="Timeline">
            {entriesOf(incident, found, comments).map((entry) => (
              <li key={entry.key} className={styles.item}>
                <time className={styles.time} dateTime={entry.time}>{formatDateTime(entry.time)}</time>
                <span className={styles.dot} style={{ backgroundColor: entry.color }} aria-hidden />
                <div><div className={styles.title}>{entry.title}</div>{entry.text && <div className={styles.text}>{entry.text}</div>}</div>
              </li>
            ))}
          </ol>
        )}
      </Loaded>
    </Card>
  );
}

function entriesOf(incident: Incident, alerts: readonly SecurityAlert[], comments: readonly IncidentComment[]): Entry[] {
  const { properties } = incident;
  const entries: Entry[] = [
    ...alerts.map((alert): Entry => ({
      key: alert.id, time: alert.properties.startTimeUtc ?? alert.properties.timeGenerated, title: alert.properties.alertDisplayName,
      text: [alert.properties.compromisedEntity, alert.properties.description].filter(Boolean).join(' · '), color: severityColor[asSeverity(alert.properties.severity)],
    })),
    { key: 'created', time: properties.createdTimeUtc, title: 'Incident created', color: tokens.colorNeutralForeground4 },
    ...comments.map((comment): Entry => ({ key: comment.id, time: comment.properties.createdTimeUtc, title: `Comment by ${comment.properties.author?.name ?? 'someone'}`, text: comment.properties.message, color: tokens.colorCompoundBrandBackground })),
  ];
  if (properties.status === 'Closed') entries.push({ key: 'closed', time: properties.lastModifiedTimeUtc, title: 'Incident closed', text: properties.classificationComment, color: tokens.colorStatusSuccessForeground3 });
  return entries.sort((left, right) => (left.time ?? '').localeCompare(right.time ?? ''));
}
