import { Button, makeStyles, tokens } from '@fluentui/react-components';
import { EditRegular } from '@fluentui/react-icons/svg/edit';
import { useState } from 'react';
import { useSaveTags } from '@/api/resources';
import { paths } from '@/lib/paths';
import { AppLink } from './AppLink';
import { FormDialog } from './FormDialog';
import { useNotify } from './notify';
import { emptyTag, TagFields, tagFields, tagsOf, tagsProblem } from './TagFields';

const useStyles = makeStyles({
  list: { display: 'flex', flexWrap: 'wrap', gap: '6px', alignItems: 'center' },
  tag: { padding: '1px 8px', borderRadius: tokens.borderRadiusMedium, backgroundColor: tokens.colorNeutralBackground3, maxWidth: '100%', overflow: 'hidden', textOverflow: 'ellipsis' },
  none: { color: tokens.colorNeutralForeground3 },
});

/** The tags of a resource, and the way to change them. */
export function TagList({ id, tags }: { id: string; tags: Record<string, string> | undefined }) {
  const styles = useStyles();
  const [editing, setEditing] = useState(false);
  const entries = Object.entries(tags ?? {});
  return (
    <span className={styles.list}>
      {entries.length === 0 && <span className={styles.none}>None</span>}
      {entries.map(([name, value]) => <AppLink key={name} plain className={styles.tag} to={paths.tags({ name, value })}>{`${name}: ${value}`}</AppLink>)}
      <Button size="small" appearance="subtle" icon={<EditRegular />} aria-label="Edit tags" onClick={() => setEditing(true)} />
      {editing && <TagsDialog id={id} tags={tags} onClose={() => setEditing(false)} />}
    </span>
  );
}

function TagsDialog({ id, tags, onClose }: { id: string; tags: Record<string, string> | undefined; onClose: () => void }) {
  const notify = useNotify();
  const save = useSaveTags(id);
  const [draft, setDraft] = useState(() => [...tagFields(tags), emptyTag()]);
  const problem = tagsProblem(draft);
  return (
    <FormDialog title="Edit tags" submit="Save" busy={save.isPending} disabled={problem !== undefined} error={save.error} failed="The tags were not saved" onClose={onClose}
      onSubmit={() => save.mutate(tagsOf(draft), { onSuccess: () => { notify.done('Tags saved'); onClose(); } })}>
      <TagFields tags={draft} label="" onChange={setDraft} />
      {problem && <span role="alert" style={{ color: tokens.colorStatusDangerForeground1 }}>{problem}</span>}
    </FormDialog>
  );
}
