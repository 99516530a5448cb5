import { Button, Checkbox, Combobox, Field, Input, makeStyles, Option, Select, Tag, TagGroup, tokens } from '@fluentui/react-components';
import { AddRegular } from '@fluentui/react-icons/svg/add';
import { useState } from 'react';
import { useProviders } from '@/api/access';
import { isPattern, type PermissionSet } from '@/lib/permissions';

type Lists = Required<PermissionSet>;
const lists: readonly (readonly [keyof Lists, string])[] = [['actions', 'Allow'], ['notActions', 'Except'], ['dataActions', 'Allow on data'], ['notDataActions', 'Except on data']];
const words = ['read', 'write', 'delete'] as const;

const useStyles = makeStyles({
  row: { display: 'flex', gap: '8px', alignItems: 'flex-end', flexWrap: 'wrap' },
  grow: { flexGrow: 1, minWidth: '220px' },
  types: { maxHeight: '210px', overflowY: 'auto', border: `1px solid ${tokens.colorNeutralStroke2}`, borderRadius: tokens.borderRadiusMedium, padding: '2px 8px' },
  type: { display: 'grid', gridTemplateColumns: 'minmax(0, 1fr) repeat(3, 92px)', alignItems: 'center' },
  name: { overflow: 'hidden', textOverflow: 'ellipsis', whiteSpace: 'nowrap' },
  group: { display: 'flex', flexDirection: 'column', gap: '4px' },
  tags: { flexWrap: 'wrap', rowGap: '4px' },
});

/** Action patterns: ticked by resource type, or typed. */
export function ActionPicker({ permissions, onChange }: { permissions: Lists; onChange: (permissions: Lists) => void }) {
  const styles = useStyles();
  const providers = useProviders();
  const [provider, setProvider] = useState('');
  const [typed, setTyped] = useState('');
  const [into, setInto] = useState<keyof Lists>('actions');
  const found = providers.data?.find((entry) => entry.namespace === provider);
  const set = (list: keyof Lists, patterns: string[]) => onChange({ ...permissions, [list]: patterns });
  const toggle = (pattern: string, on: boolean) => set('actions', on ? [...permissions.actions, pattern] : permissions.actions.filter((entry) => entry !== pattern));
  const valid = isPattern(typed.trim());
  const add = () => {
    const pattern = typed.trim();
    if (valid && !permissions[into].includes(pattern)) set(into, [...permissions[into], pattern]);
    setTyped('');
  };
  return (
    <>
      <Field label="Provider" hint="Tick what the role may do with each resource type">
        <Combobox value={provider} selectedOptions={[provider]} placeholder="Choose a provider" onOptionSelect={(_, data) => setProvider(data.optionValue ?? '')}>
          {(providers.data ?? []).map((entry) => <Option key={entry.namespace}>{entry.namespace}</Option>)}
        </Combobox>
      </Field>
      {found && (
        <div className={styles.types} role="group" aria-label={`Actions of ${provider}`} tabIndex={0}>
          {[{ resourceType: '*' }, ...found.resourceTypes].map(({ resourceType }) => (
            <div key={resourceType} className={styles.type}>
              <span className={styles.name} title={resourceType}>{resourceType === '*' ? 'Everything' : resourceType}</span>
              {words.map((word) => {
                const pattern = `${provider}/${resourceType}/${word}`;
                return <Checkbox key={word} label={word} aria-label={pattern} checked={permissions.actions.includes(pattern)} onChange={(_, data) => toggle(pattern, data.checked === true)} />;
              })}
            </div>
          ))}
        </div>
      )}
      <div className={styles.row}>
        <Field label="Pattern" className={styles.grow} {...(typed.trim() && !valid ? { validationMessage: 'Such as Microsoft.Security/*/read' } : {})}>
          <Input value={typed} placeholder="Microsoft.Security/*/read" spellCheck={false} onChange={(_, data) => setTyped(data.value)}
            onKeyDown={(event) => { if (event.key === 'Enter') { event.preventDefault(); add(); } }} />
        </Field>
        <Select aria-label="Kind of the pattern" value={into} onChange={(_, data) => setInto(data.value as keyof Lists)}>
          {lists.map(([list, text]) => <option key={list} value={list}>{text}</option>)}
        </Select>
        <Button icon={<AddRegular />} disabled={!valid} onClick={add}>Add</Button>
      </div>
      {lists.map(([list, text]) => permissions[list].length > 0 && (
        <div key={list} className={styles.group}>
          <span>{text}</span>
          <TagGroup className={styles.tags} aria-label={text} onDismiss={(_, data) => set(list, permissions[list].filter((entry) => entry !== data.value))}>
            {permissions[list].map((pattern) => <Tag key={pattern} value={pattern} size="small" dismissible dismissIcon={{ 'aria-label': `Remove ${pattern}` }}>{pattern}</Tag>)}
          </TagGroup>
        </div>
      ))}
    </>
  );
}
