import { Avatar, Button, Field, makeStyles, Textarea, tokens } from '@fluentui/react-components';
import type { UseQueryResult } from '@tanstack/react-query';
import { useState, type FormEvent } from 'react';
import { useAddComment } from '@/api/incidents';
import type { IncidentComment } from '@/api/types';
import { Card } from '@/ui/Card';
import { ErrorState, Loaded } from '@/ui/states';
import { When } from '@/ui/When';

const useStyles = makeStyles({
  form: { display: 'flex', flexDirection: 'column', gap: '10px' },
  list: { listStyle: 'none', margin: 0, padding: 0, display: 'flex', flexDirection: 'column', gap: '16px' },
  item: { display: 'grid', gridTemplateColumns: '32px minmax(0, 1fr)', columnGap: '12px' },
  head: { display: 'flex', gap: '10px', alignItems: 'baseline' },
  who: { fontWeight: tokens.fontWeightSemibold },
  faint: { color: tokens.colorNeutralForeground3, fontSize: tokens.fontSizeBase200 },
  text: { margin: '2px 0 0', whiteSpace: 'pre-line', overflowWrap: 'anywhere', lineHeight: tokens.lineHeightBase400 },
});

/** Sentinel's own limit for one comment. */
const lengthMax = 30_000;

export function CommentsTab({ name, comments }: { name: string; comments: UseQueryResult<IncidentComment[]> }) {
  const styles = useStyles();
  const add = useAddComment(name);
  const [text, setText] = useState('');
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (text.trim()) add.mutate(text.trim(), { onSuccess: () => setText('') });
  };
  return (
    <Card>
      <form className={styles.form} onSubmit={submit}>
        <Field label="New comment"><Textarea value={text} rows={3} maxLength={lengthMax} placeholder="What you found, what you did" onChange={(_, data) => setText(data.value)} /></Field>
        {add.error && <ErrorState error={add.error} what="The comment was not saved" />}
        <div><Button appearance="primary" type="submit" disabled={!text.trim() || add.isPending}>{add.isPending ? 'Saving…' : 'Add comment'}</Button></div>
      </form>
      <Loaded query={comments} what="comments" rows={3}>
        {(found) =>
          found.length === 0 ? <span className={styles.faint}>No comments yet.</span> : (
            <ul className={styles.list} aria-label="Comments">
              {[...found].sort((left, right) => (right.properties.createdTimeUtc ?? '').localeCompare(left.properties.createdTimeUtc ?? '')).map((comment) => (
                <li key={comment.id} className={styles.item}>
                  <Avatar size={32} name={comment.properties.author?.name ?? ''} aria-hidden />
                  <div>
                    <div className={styles.head}><span className={styles.who}>{comment.properties.author?.name ?? 'Unknown'}</span><span className={styles.faint}><When at={comment.properties.createdTimeUtc} /></span></div>
                    <p className={styles.text}>{comment.properties.message}</p>
                  </div>
                </li>
              ))}
            </ul>
          )
        }
      </Loaded>
    </Card>
  );
}
