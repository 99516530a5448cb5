import { Button, Input, Label, makeStyles } from '@fluentui/react-components';
import { AddRegular } from '@fluentui/react-icons/svg/add';
import { DismissRegular } from '@fluentui/react-icons/svg/dismiss';

export interface Tag {
  key: number;
  name: string;
  value: string;
}

let next = 0;

export function emptyTag(): Tag {
  next += 1;
  return { key: next, name: '', value: '' };
}

export function tagFields(tags: Record<string, string> | undefined): Tag[] {
  return Object.entries(tags ?? {}).map(([name, value]) => ({ ...emptyTag(), name, value }));
}

/** What is wrong with a list of tags, if anything; the limits are the server's. */
export function tagsProblem(tags: readonly Tag[]): string | undefined {
  const names = tags.map((tag) => tag.name.trim()).filter(Boolean);
  const odd = names.find((name) => /[<>%&\\?/]/.test(name));
  if (odd !== undefined) return `${odd}: the name of a tag has none of < > % & \\ ? /`;
  const twice = names.find((name, at) => names.findIndex((other) => other.toLowerCase() === name.toLowerCase()) !== at);
  if (twice !== undefined) return `${twice}: a tag comes once`;
  if (tags.some((tag) => !tag.name.trim() && tag.value.trim())) return 'A value needs a name';
  return names.length > 50 ? 'At most 50 tags' : undefined;
}

export function tagsOf(tags: readonly Tag[]): Record<string, string> {
  return Object.fromEntries(tags.filter((tag) => tag.name.trim()).map((tag) => [tag.name.trim(), tag.value.trim()]));
}

const useStyles = makeStyles({
  root: { display: 'flex', flexDirection: 'column', gap: '6px', border: 'none', margin: 0, padding: 0, minWidth: 0 },
  row: { display: 'grid', gridTemplateColumns: '1fr 1fr auto', gap: '6px' },
  input: { minWidth: 0 },
});

export function TagFields({ tags, label = 'Tags', onChange }: { tags: readonly Tag[]; label?: string; onChange: (tags: Tag[]) => void }) {
  const styles = useStyles();
  const set = (key: number, change: Partial<Tag>) => onChange(tags.map((tag) => (tag.key === key ? { ...tag, ...change } : tag)));
  return (
    <div className={styles.root} role="group" aria-label="Tags">
      {label && <Label>{label}</Label>}
      {tags.map((tag, at) => (
        <div key={tag.key} className={styles.row}>
          <Input className={styles.input} aria-label={`Name of tag ${at + 1}`} placeholder="Name" value={tag.name} onChange={(_, data) => set(tag.key, { name: data.value })} />
          <Input className={styles.input} aria-label={`Value of tag ${at + 1}`} placeholder="Value" value={tag.value} onChange={(_, data) => set(tag.key, { value: data.value })} />
          <Button appearance="subtle" icon={<DismissRegular />} aria-label={`Remove tag ${at + 1}`} onClick={() => onChange(tags.filter((other) => other.key !== tag.key))} />
        </div>
      ))}
      <div><Button size="small" appearance="subtle" icon={<AddRegular />} onClick={() => onChange([...tags, emptyTag()])}>Add tag</Button></div>
    </div>
  );
}
