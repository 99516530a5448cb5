import { makeStyles, tokens } from '@fluentui/react-components';
import { isCustomRole, type RoleDefinition } from '@/api/access';
import { CodeBlock } from '@/ui/CodeBlock';
import { Facts } from '@/ui/Facts';
import { SidePanel } from '@/ui/SidePanel';

const useStyles = makeStyles({
  title: { margin: '0 0 6px', fontSize: tokens.fontSizeBase300, fontWeight: tokens.fontWeightSemibold },
  list: { margin: 0, paddingLeft: '18px', fontFamily: tokens.fontFamilyMonospace, fontSize: '13px', lineHeight: '20px', overflowWrap: 'anywhere' },
  text: { margin: 0, color: tokens.colorNeutralForeground2 },
});

const lists = [['actions', 'Allowed actions'], ['notActions', 'Except'], ['dataActions', 'Allowed data actions'], ['notDataActions', 'Except data actions']] as const;

/** A role: what it allows, and where it may be assigned. */
export function RolePanel({ role, onClose }: { role: RoleDefinition; onClose: () => void }) {
  const styles = useStyles();
  const { roleName, description, permissions, assignableScopes } = role.properties;
  return (
    <SidePanel title={roleName} onClose={onClose}>
      {description && <p className={styles.text}>{description}</p>}
      <Facts facts={[['Type', isCustomRole(role) ? 'Custom role' : 'Built-in role'], ['Id', role.name], ['Can be assigned at', assignableScopes.join(', ')]]} />
      {permissions.flatMap((set, at) => lists.map(([name, title]) => {
        const patterns = set[name] ?? [];
        return patterns.length > 0 && (
          <section key={`${at}${name}`}>
            <h3 className={styles.title}>{title}</h3>
            <ul className={styles.list}>{patterns.map((pattern) => <li key={pattern}>{pattern}</li>)}</ul>
          </section>
        );
      }))}
      <section>
        <h3 className={styles.title}>JSON</h3>
        <CodeBlock label={`${roleName} as JSON`} text={JSON.stringify({ properties: role.properties }, null, 2)} />
      </section>
    </SidePanel>
  );
}
