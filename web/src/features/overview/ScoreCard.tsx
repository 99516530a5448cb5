import { makeStyles, tokens } from '@fluentui/react-components';
import type { UseQueryResult } from '@tanstack/react-query';
import { useRows } from '@/api/logs';
import { scorePercent } from '@/api/secure-score';
import type { QueryTable, SecureScore } from '@/api/types';
import { paths } from '@/lib/paths';
import { formatPoints } from '@/lib/units';
import { AppLink } from '@/ui/AppLink';
import { Card } from '@/ui/Card';
import { Gauge, scoreTone } from '@/ui/Gauge';
import { EmptyState, Loaded } from '@/ui/states';
import { trendText } from './trend';

const useStyles = makeStyles({
  body: { display: 'flex', gap: '20px', alignItems: 'center' },
  text: { display: 'flex', flexDirection: 'column', gap: '6px', minWidth: 0 },
  points: { fontSize: tokens.fontSizeBase400, lineHeight: tokens.lineHeightBase400, fontWeight: tokens.fontWeightSemibold, fontVariantNumeric: 'tabular-nums' },
  faint: { color: tokens.colorNeutralForeground3, fontSize: tokens.fontSizeBase300 },
});

const history = `SecureScores
| where TimeGenerated > ago(7d)
| project TimeGenerated, PercentageScore
| sort by TimeGenerated asc
| take 1`;

export function ScoreCard({ score }: { score: UseQueryResult<SecureScore | null> }) {
  const styles = useStyles();
  const earlier = useRows('SecureScores', history, 'P7D');
  return (
    <Card title="Secure score" action={<AppLink to={paths.recommendations({ view: 'controls' })}>Improve</AppLink>}>
      <Loaded query={score} what="the secure score" rows={4}>
        {(found) =>
          found ? (
            <div className={styles.body}>
              <Gauge value={scorePercent(found.properties.score)} label="Secure score" tone={scoreTone(scorePercent(found.properties.score))} />
              <div className={styles.text}>
                <span className={styles.points}>
                  {formatPoints(found.properties.score.current)} of {formatPoints(found.properties.score.max)} points
                </span>
                <span className={styles.faint}>{trendText(scorePercent(found.properties.score), firstScore(earlier.data))}</span>
              </div>
            </div>
          ) : (
            <EmptyState title="No score yet">The score appears when the first server has been assessed.</EmptyState>
          )
        }
      </Loaded>
    </Card>
  );
}

function firstScore(table: QueryTable | null | undefined): { time: string; percent: number } | undefined {
  const [time, value] = table?.rows[0] ?? [];
  if (typeof time !== 'string' || typeof value !== 'number') return undefined;
  // The table holds a fraction, as the API does.
  return { time, percent: value <= 1 ? value * 100 : value };
}
