import { makeStyles, mergeClasses, tokens } from '@fluentui/react-components';
import { ChevronDownRegular } from '@fluentui/react-icons/svg/chevron-down';
import { ChevronRightRegular } from '@fluentui/react-icons/svg/chevron-right';
import { useState } from 'react';
import type { Recommendation } from '@/api/assessments';
import { controlAssessments, potentialIncrease } from '@/api/secure-score';
import type { SecureScoreControl } from '@/api/types';
import { paths } from '@/lib/paths';
import { formatPoints } from '@/lib/units';
import { AppLink } from '@/ui/AppLink';
import { SeverityLabel } from '@/ui/Severity';
import { EmptyState } from '@/ui/states';
import { Status } from '@/ui/Status';
import { HealthBar } from './HealthBar';

const useStyles = makeStyles({
  scroll: { overflowX: 'auto' },
  table: { width: '100%', minWidth: '860px', borderCollapse: 'collapse', tableLayout: 'fixed' },
  th: { boxSizing: 'border-box', textAlign: 'left', fontWeight: tokens.fontWeightSemibold, fontSize: tokens.fontSizeBase200, color: tokens.colorNeutralForeground3, padding: '0 12px', height: '36px', borderBottom: `1px solid ${tokens.colorNeutralStroke2}` },
  td: { padding: '11px 12px', borderTop: `1px solid ${tokens.colorNeutralStroke3}`, lineHeight: tokens.lineHeightBase300 },
  edge: { ':first-child': { paddingLeft: '20px' }, ':last-child': { paddingRight: '20px' } },
  toggle: {
    backgroundColor: 'transparent', border: 'none', padding: 0, color: 'inherit', fontFamily: 'inherit', fontSize: 'inherit', fontWeight: tokens.fontWeightSemibold, lineHeight: tokens.lineHeightBase300, textAlign: 'left', display: 'inline-flex', gap: '8px', alignItems: 'center', cursor: 'pointer', borderRadius: tokens.borderRadiusSmall,
    ':focus-visible': { outline: `2px solid ${tokens.colorStrokeFocus2}`, outlineOffset: '2px' },
  },
  child: { backgroundColor: tokens.colorNeutralBackground2 },
  indent: { paddingLeft: '48px !important' },
  end: { textAlign: 'right', fontVariantNumeric: 'tabular-nums' },
  gain: { color: tokens.colorStatusSuccessForeground1, fontWeight: tokens.fontWeightSemibold },
});

interface ControlsTreeProps {
  controls: readonly SecureScoreControl[];
  recommendations: readonly Recommendation[];
  /** With a filter, controls without a matching recommendation are hidden and the others open. */
  filtered: boolean;
}

interface Group {
  id: string;
  title: string;
  control: SecureScoreControl | undefined;
  members: Recommendation[];
}

/** Security controls with what they are worth, each opening to its recommendations. */
export function ControlsTree({ controls, recommendations, filtered }: ControlsTreeProps) {
  const styles = useStyles();
  const [open, setOpen] = useState<ReadonlySet<string>>(new Set());
  const groups = groupsOf(controls, recommendations).filter((group) => !filtered || group.members.length > 0);
  if (groups.length === 0) return <EmptyState title="No recommendation matches" />;
  const toggle = (id: string) => {
    const next = new Set(open);
    if (!next.delete(id)) next.add(id);
    setOpen(next);
  };
  const cell = mergeClasses(styles.td, styles.edge);
  return (
    <div className={styles.scroll}>
      <table className={styles.table} aria-label="Security controls">
        <thead>
          <tr>
            {[['Control', undefined], ['Max score', '100px'], ['Current score', '116px'], ['Potential increase', '150px'], ['Unhealthy', '104px'], ['Resource health', '170px']].map(([text, width], at) => (
              <th key={text} scope="col" style={{ width }} className={mergeClasses(styles.th, styles.edge, at > 0 && at < 4 && styles.end)}>{text}</th>
            ))}
          </tr>
        </thead>
        {groups.map((group) => {
          const expanded = filtered || open.has(group.id);
          const { properties } = group.control ?? {};
          const gain = group.control ? potentialIncrease(group.control) : 0;
          return (
            <tbody key={group.id}>
              <tr>
                <td className={cell}>
                  <button type="button" className={styles.toggle} aria-expanded={expanded} onClick={() => toggle(group.id)}>
                    {expanded ? <ChevronDownRegular aria-hidden fontSize={16} style={{ flexShrink: 0 }} /> : <ChevronRightRegular aria-hidden fontSize={16} style={{ flexShrink: 0 }} />}{group.title}
                  </button>
                </td>
                <td className={mergeClasses(cell, styles.end)}>{properties ? formatPoints(properties.score.max) : '–'}</td>
                <td className={mergeClasses(cell, styles.end)}>{properties ? formatPoints(properties.score.current) : '–'}</td>
                <td className={mergeClasses(cell, styles.end, gain > 0 && styles.gain)}>{gain > 0 ? `+${formatPoints(gain)}` : '–'}</td>
                <td className={cell}>{properties ? `${properties.unhealthyResourceCount} of ${properties.unhealthyResourceCount + properties.healthyResourceCount}` : '–'}</td>
                <td className={cell}>{properties && <HealthBar healthy={properties.healthyResourceCount} unhealthy={properties.unhealthyResourceCount} notApplicable={properties.notApplicableResourceCount} />}</td>
              </tr>
              {expanded && group.members.map((member) => (
                <tr key={member.key} className={styles.child}>
                  <td className={mergeClasses(cell, styles.indent)}><AppLink to={paths.recommendation(member.key)}>{member.title}</AppLink></td>
                  <td className={cell} colSpan={2}><SeverityLabel severity={member.severity} /></td>
                  <td className={mergeClasses(cell, styles.end)}>{member.unhealthy.length > 0 ? <Status tone="bad">Unhealthy</Status> : <Status tone="good">Completed</Status>}</td>
                  <td className={cell}>{member.unhealthy.length} of {member.unhealthy.length + member.healthy.length}</td>
                  <td className={cell}><HealthBar healthy={member.healthy.length} unhealthy={member.unhealthy.length} notApplicable={member.notApplicable.length} /></td>
                </tr>
              ))}
            </tbody>
          );
        })}
      </table>
    </div>
  );
}

/** Controls by what there is to gain; recommendations of no control come last. */
function groupsOf(controls: readonly SecureScoreControl[], recommendations: readonly Recommendation[]): Group[] {
  const left = new Map(recommendations.map((entry) => [entry.key, entry]));
  const groups = [...controls]
    .sort((one, other) => potentialIncrease(other) - potentialIncrease(one) || other.properties.score.max - one.properties.score.max)
    .map((control): Group => {
      const members = controlAssessments(control).flatMap((key) => left.get(key) ?? []);
      return { id: control.name, title: control.properties.displayName, control, members };
    });
  for (const group of groups) for (const member of group.members) left.delete(member.key);
  if (left.size > 0) groups.push({ id: 'other', title: 'Not scored', control: undefined, members: [...left.values()] });
  return groups;
}
